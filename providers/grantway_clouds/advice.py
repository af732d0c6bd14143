"""What to tell a user about an AADSTS number.

A program reacts to `error` of the answer (`invalid_grant`, `interaction_required`) and never to
one of these numbers: they are added and reused without notice. For a person they are the most
precise thing an authority says, and this is what is known to help.
"""

from collections.abc import Mapping

_BY_CODES: Mapping[tuple[int, ...], str] = {
    (50072, 50074, 50076, 50079): (
        "Multifactor authentication is needed: consent again interactively, signing in with it, "
        "and register a method first if the user has none."
    ),
    (50078, 70043): (
        "The multifactor sign-in is too old, or the sign-in frequency of Conditional Access ran "
        "out: consent again, or exempt the service account from it."
    ),
    (65001, 90094, 650056, 700016): (
        "The application has no consent in this tenant: have it granted there. Or the client id "
        "is wrong, or the tenant is in another cloud."
    ),
    (90099,): (
        "The partner's application is not authorized in this customer's tenant: create the "
        "customer consent for it."
    ),
    (65002,): "This client id belongs to Microsoft: use an application of your own.",
    (70008, 700082): (
        "The refresh token was not used for 90 days: consent again, and schedule its renewal."
    ),
    (700084,): (
        "The redirect URI is registered for a single-page application, whose refresh tokens last "
        "a day: register it as Web or as native (mobile and desktop)."
    ),
    (50013, 500131, 500132, 500133): (
        "The token that the caller presented is not good for this: it has expired, or is for "
        "another application or tenant. Have the caller get a new one for this application."
    ),
    (50173, 70000): "The refresh token was revoked or is not valid: sign in again.",
    (7000215,): (
        "The client secret is wrong. Use its value, not its id; a new one can take a minute to "
        "be known everywhere, so try again shortly, or give retry_new_secret."
    ),
    (7000222,): "The client secret has expired: make a new one; a certificate would be better.",
    (700027,): (
        "The client assertion was refused: check that its certificate is the one registered, and "
        "its claims."
    ),
    (700211, 700212, 700213): (
        "The application lets nobody vouch for it who says this: give it a federated credential "
        "of the issuer, subject and audience that the token has, to the letter."
    ),
    (700025,): "The application is registered as a public client: leave the secret out.",
    (7000218,): "The application is a confidential client: give its secret or certificate.",
    (90002,): "There is no such tenant in this cloud: check its name, or name its environment.",
    (90038, 900382, 900432): "The tenant is in another cloud: name that cloud's environment.",
    (50020, 50177, 90072): (
        "The user is not known in this tenant, or only as a guest: check that the account is in "
        "the group with the delegated admin (GDAP) role. The environment is right."
    ),
    (50126,): "The user name or password is wrong.",
    (50053,): "The account is locked after too many wrong passwords: wait, or have it unlocked.",
    (53000, 53003, 530032): (
        "Conditional Access of this tenant forbids it: ask for an exclusion for service "
        "providers. If it is the device code that is blocked, sign in with the browser."
    ),
    (530034,): (
        "The user is considered at risk: an administrator has to clear that in the partner's own "
        "tenant."
    ),
    (500021, 500022, 500212, 500213): (
        "Tenant restrictions or a cross-tenant access policy forbid it: an administrator of "
        "either tenant has to allow the other."
    ),
    (500011, 650052, 650057): (
        "The resource does not exist in this tenant: check its URI, that the tenant has a licence "
        "for it, and the application's permissions."
    ),
    (50011,): "Register this redirect URI for the application, exactly as it was sent.",
    (900144,): "The request lacks a field that is needed.",
    (9002313,): "The request is malformed: check the form of the values given.",
    (28002, 70011): (
        "A scope is not valid: check its spelling; RESOURCE/.default asks for all that was "
        "granted for one resource."
    ),
    (901002,): "The v2 endpoint does not take the field resource: ask for scopes.",
    (50194, 9001023): "This cannot be asked of common: name the tenant.",
    (70016,): "The user has not finished signing in with the device code yet.",
    (70018,): "The device code is wrong: start again, and type it as it is shown.",
    (70019,): "The device code has expired: start again.",
    (50196,): (
        "The same request came too often, as from a loop: keep the token and use it until it "
        "expires."
    ),
    (90055,): "The authority is being asked too often: wait, ask less, and keep tokens.",
}

ADVICE: Mapping[int, str] = {code: text for codes, text in _BY_CODES.items() for code in codes}
