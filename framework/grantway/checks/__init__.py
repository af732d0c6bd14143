"""What may be wrong between here and a token, looked at one thing after the other.

    check          a finding, and steps that depend on each other
    certificate    what a server's certificate says
    road           the road to a host: which proxy, which roots
    connection     its name, its addresses, a connection
    handshake      TLS, and what is wrong with a certificate
    authority      what answers there: its clock, its metadata, its keys
    environment    both, in order: the test of an environment
    machine        this machine: versions, variables

Checks ask by the road that a request for a token takes, with its roots, its proxy and its
headers, and go to hosts that the environment names. They carry no secret of a call and change
nothing.
"""
