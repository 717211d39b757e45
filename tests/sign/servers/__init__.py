"""What the tests of key services sign against: real servers where there are any, else fakes built from the clients' own types."""
