"""Mechanisms of OAuth 2 that any provider may use.

    audience               what a token is for, as the protocol's form fields
    client_authentication  how a client shows who it is
    kept_assertions        assertions that others made, used while they last
    metadata               where an authority's endpoints are, and who it says it is
    discovery              an environment learned from its authority's metadata
    exchange               a grant sent, its answer turned into a result
    answers                what an answer means: a JSON object, or one of our errors
    dpop                   proofs of possession at the authority
    id_token               the checks without which a claim is not believed; below it
        jws                a signed token, down to the claims that were signed
        signing_keys       the authority's keys, bounded looks for new ones
        strict_json        JSON that cannot mean two things
    jwt_contents           what a token says of itself, unverified
    transport              the only road to the network; below it
        routes             proxy, roots and client certificate, per environment
        connections        the pool it sends by
        watchdog           the deadline and cancellation, in waits that no timeout bounds
        failures           what it means when a request fails
    bearer                 a token on its way to the API it is for
    proven                 likewise, one that is bound to a key

Modules that need `requests` or cryptography are imported where they are used: a provider that is
merely registered costs neither.
"""
