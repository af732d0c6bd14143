"""What users are told about the authorities' own error numbers."""

import re

import pytest

from grantway_clouds import ADVICE

# Numbers that call for the same advice, and words that it cannot do without.
TABLE = [
    ("50076 50079 50074 50072", "consent again.*interactively.*register a method"),
    ("50078 70043", "sign-in frequency.*consent again, or exempt"),
    ("65001 90094 650056 700016", "no consent in this tenant.*client id.*another cloud"),
    ("90099", "not authorized in this customer.*customer consent"),
    ("65002", "Microsoft.*application of your own"),
    ("70008 700082", "90 days.*consent again, and schedule"),
    ("700084", "single-page application.*Web or as native"),
    ("50013 500131 500132 500133", "caller presented.*expired.*get a new one"),
    ("50173 70000", "revoked or is not valid: sign in again"),
    ("7000215", "its value, not its id.*try again shortly"),
    ("7000222", "expired.*new one.*certificate"),
    ("700027", "certificate.*claims"),
    ("700211 700212 700213", "federated credential.*issuer, subject and audience"),
    ("700025", "public client: leave the secret out"),
    ("7000218", "confidential client: give its secret"),
    ("90002", "no such tenant.*environment"),
    ("90038 900382 900432", "another cloud: name that cloud's environment"),
    ("90072 50020 50177", "guest.*GDAP.*environment is right"),
    ("50126", "password is wrong"),
    ("50053", "locked"),
    ("53003 530032 53000", "Conditional Access.*service providers.*device code"),
    ("530034", "risk.*partner's own tenant"),
    ("500021 500022 500212 500213", "Tenant restrictions or a cross-tenant"),
    ("500011 650052 650057", "does not exist in this tenant.*URI.*licence.*permissions"),
    ("50011", "Register this redirect URI.*exactly"),
    ("9002313", "malformed"),
    ("900144", "lacks a field"),
    ("70011 28002", "scope is not valid"),
    ("901002", "field resource: ask for scopes"),
    ("9001023 50194", "common: name the tenant"),
    ("70016", "not finished"),
    ("70018", "code is wrong"),
    ("70019", "code has expired"),
    ("50196", "loop.*keep the token"),
    ("90055", "wait, ask less"),
]


@pytest.mark.parametrize(("codes", "words"), TABLE)
def test_every_number_has_the_advice_that_helps(codes: str, words: str) -> None:
    for code in codes.split():
        assert re.search(words, ADVICE[int(code)]), ADVICE[int(code)]


def test_there_is_advice_for_no_other_number_and_for_none_twice() -> None:
    codes = [int(code) for codes, _ in TABLE for code in codes.split()]
    assert sorted(ADVICE) == sorted(codes)


def test_advice_is_of_whole_sentences_on_one_line() -> None:
    for text in ADVICE.values():
        assert re.fullmatch(r"[A-Z][^\n]*\.", text)
        assert "  " not in text
