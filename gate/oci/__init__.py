"""Where subjects come from: registries, image layouts and tarballs; everything by digest, bounded and checked.

`source.open_source` opens one, `image.load` turns it into subjects, `ImageSource.attachments` gives what hangs on a digest.
"""
