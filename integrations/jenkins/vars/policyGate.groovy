// policyGate(image: 'registry.example/app@sha256:…', environment: 'prod') runs the gate in the current agent's workspace and
// returns [verdict:, digest:, record:]. The build fails unless the gate ends in 0. Reports are kept either way.
// gate-ci must be on PATH: an image made from policy-gate's Dockerfile, or integrations/install.
def call(Map inputs) {
    String reports = inputs.get('reports', 'gate-reports')
    int code = 3
    withEnv([
        "GATE_IMAGE=${inputs.image ?: ''}",
        "GATE_POLICY_FILE=${inputs.get('policyFile', 'security-policy.yaml')}",
        "GATE_ENVIRONMENT=${inputs.get('environment', '')}",
        "GATE_EVIDENCE=${inputs.get('evidence', []).join('\n')}",
        "GATE_ARGUMENTS=${inputs.get('arguments', []).join('\n')}",
        "GATE_REPORTS=${reports}",
    ]) {
        code = sh(label: 'gate', returnStatus: true, script: 'gate-ci run')
    }
    junit(testResults: "${reports}/gate.junit.xml", allowEmptyResults: true, skipMarkingBuildUnstable: true)
    archiveArtifacts(artifacts: "${reports}/*", allowEmptyArchive: true)
    if (code != 0) {
        error("the gate ended with exit code ${code}")
    }
    Map handed = [:]
    for (String line : readFile("${reports}/gate.env").trim().split('\n')) {
        int equals = line.indexOf('=')
        handed[line.substring(0, equals)] = line.substring(equals + 1)
    }
    return [verdict: handed.GATE_VERDICT, digest: handed.GATE_DIGEST, record: handed.GATE_RECORD]
}
