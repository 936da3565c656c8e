"""120 shapes of secrets, made at random when a test runs: no scanner is to find one in this file.

Written from what the vendors document, not from the table of the scanner.
"""

from __future__ import annotations

import base64
import json
import string
from collections.abc import Callable, Iterator, Mapping
from random import Random

Shape = Callable[[Random], str]

WORD = string.ascii_letters + string.digits
LOWER = string.ascii_lowercase + string.digits
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
URL = WORD + "-_"
BASE64 = WORD + "+/"
_SENTENCES = (
    "{}",
    "token: {}",
    "fatal: cannot use {} here",
    '{{"key": "{}"}}',
    "+ export CREDENTIAL={}",
    "[ERROR] 401 for '{}'",
    "https://example.org/?q={}",
)


def _part(letters: str, least: int, most: int = 0) -> Shape:
    return lambda random: "".join(random.choices(letters, k=random.randint(least, most or least)))


def _token(*parts: str | Shape) -> Shape:
    """A token of fixed texts and random parts, somewhere in a line."""

    def make(random: Random) -> str:
        return random.choice(_SENTENCES).format(_joined(random, parts))

    return make


def _line(*parts: str | Shape) -> Shape:
    """A line of fixed texts and random parts."""
    return lambda random: _joined(random, parts)


def _joined(random: Random, parts: tuple[str | Shape, ...]) -> str:
    return "".join(part if isinstance(part, str) else part(random) for part in parts)


def _one_of(*texts: str) -> Shape:
    return lambda random: random.choice(texts)


_PASSWORD = _line(_part(WORD, 5, 9), _part("0123456789", 2), _part("!%^*_-", 1), _part(WORD, 4, 8))
_UUID = _line(
    _part(HEX, 8), "-", _part(HEX, 4), "-", _part(HEX, 4), "-", _part(HEX, 4), "-", _part(HEX, 12)
)


def _encoded(shape: Shape) -> Shape:
    return lambda random: base64.b64encode(shape(random).encode()).decode()


def _wrapped(shape: Shape, width: int) -> Shape:
    """Base64 as `base64 -w` writes it."""

    def make(random: Random) -> str:
        text = _encoded(shape)(random)
        return "\n".join(text[at : at + width] for at in range(0, len(text), width))

    return make


def _pem(kind: str) -> Shape:
    def make(random: Random) -> str:
        body = _part(BASE64, 400)(random)
        lines = [body[at : at + 64] for at in range(0, len(body), 64)]
        return "\n".join((f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"))

    return make


def _jwt(random: Random) -> str:
    head = {"alg": "HS256", "typ": "JWT"}
    claims = {"sub": _part(LOWER, 8)(random), "exp": random.randint(10**9, 2 * 10**9)}
    parts = (
        base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=")
        for p in (head, claims)
    )
    return ".".join((*parts, _part(URL, 43)(random)))


def _kubeconfig(random: Random) -> str:
    key = _encoded(_pem("RSA PRIV" + "ATE KEY"))(random)
    return f"apiVersion: v1\nkind: Config\nusers:\n- name: a\n  user:\n    client-key-data: {key}\n"


def _putty(random: Random) -> str:
    lines = (_part(BASE64, 64)(random) for _ in range(4))
    return "\n".join(
        (
            "PuTTY-User-" + "Key-File-3: ssh-ed25519",
            "Encryption: none",
            "Private-Lines: 4",
            *lines,
            f"Private-MAC: {_part(HEX, 64)(random)}",
        )
    )


_KEY = "PRIV" + "ATE KEY"

SHAPES: Mapping[str, Shape] = {
    # source hosts and packages
    "github classic": _token("gh" + "p_", _part(WORD, 36)),
    "github oauth": _token("gh" + "o_", _part(WORD, 36)),
    "github app": _token("gh" + "s_", _part(WORD, 36)),
    "github user app": _token("gh" + "u_", _part(WORD, 36)),
    "github refresh": _token("gh" + "r_", _part(WORD, 76)),
    "github fine-grained": _token("github" + "_pat_", _part(WORD, 22), "_", _part(WORD, 59)),
    "gitlab personal": _token("gl" + "pat-", _part(URL, 20)),
    "gitlab routable": _token("gl" + "pat-", _part(URL, 27), ".01.", _part(LOWER, 9)),
    "gitlab deploy": _token("gl" + "dt-", _part(URL, 20)),
    "gitlab runner": _token("gl" + "rt-", _part(URL, 20)),
    "gitlab trigger": _token("gl" + "ptt-", _part(HEX, 40)),
    "gitlab agent": _token("gl" + "agent-", _part(URL, 50)),
    "npm": _token("npm" + "_", _part(WORD, 36)),
    "npmrc": _line("//registry.example.org/:_auth" + "Token=", _line(_UUID)),
    "npmrc auth": _line("_auth=", _encoded(_line("ann:", _PASSWORD))),
    "pypi": _token("pypi-" + "AgEIcHlwaS5vcmc", _part(URL, 150)),
    "rubygems": _token("rubygems" + "_", _part(HEX, 48)),
    "cargo": _token("ci" + "o", _part(WORD, 32)),
    "nuget": _token("oy" + "2", _part(LOWER, 43)),
    "docker": _token("dckr" + "_pat_", _part(URL, 27)),
    "docker organisation": _token("dckr" + "_oat_", _part(URL, 32)),
    "docker config": _line(
        '"registry.example.org": {"auth": "', _encoded(_line("ann:", _PASSWORD)), '"}'
    ),
    "artifactory": _token("AK" + "Cp", _part("123456789", 1), _part(WORD, 68)),
    "artifactory reference": _token("cmVm" + "dGtu", _part(WORD, 56)),
    "sonar": _token("sq" + "p_", _part(HEX, 40)),
    # clouds
    "aws id": _token("AK" + "IA", _part(UPPER, 16)),
    "aws temporary id": _token("AS" + "IA", _part(UPPER, 16)),
    "aws secret": _line("aws_secret_access" + "_key = ", _part(BASE64, 40)),
    "aws session": _line("AWS_SESSION" + "_TOKEN=", _part(BASE64, 200)),
    "google key": _token("AI" + "za", _part(URL, 35)),
    "google token": _token("ya" + "29.", _part(URL, 60, 180)),
    "google secret": _token("GOC" + "SPX-", _part(URL, 28)),
    "google refresh": _token("1/" + "/0", _part(URL, 60)),
    "google service account": _line(
        '"private_key": "-----BEGIN ', _KEY, "-----\\n", _part(BASE64, 64)
    ),
    "azure secret": _token(_part(WORD, 3), "8" + "Q~", _part(WORD + "_-.~", 34)),
    "azure storage": _line("Account" + "Key=", _part(BASE64, 86), "==;EndpointSuffix=x"),
    "azure service bus": _line("SharedAccess" + "Key=", _part(BASE64, 43), "="),
    "azure sas": _line("https://x.example.org/b?se=2030&si", "g=", _part(WORD, 43), "%3D"),
    "azure devops": _token(_part(WORD, 76), "AZ" + "DO", _part(WORD, 4)),
    "digitalocean": _token("dop" + "_v1_", _part(HEX, 64)),
    "digitalocean oauth": _token("doo" + "_v1_", _part(HEX, 64)),
    "heroku": _token("HR" + "KU-", _part(WORD, 60)),
    "netlify": _token("nf" + "p_", _part(WORD, 36)),
    "databricks": _token("da" + "pi", _part(HEX, 32)),
    "alibaba": _token("LT" + "AI", _part(WORD, 20)),
    "planetscale": _token("pscale" + "_tkn_", _part(URL, 43)),
    # infrastructure and observation
    "vault": _token("hv" + "s.", _part(URL, 24, 90)),
    "vault batch": _token("hv" + "b.", _part(URL, 138)),
    "vault header": _line("X-Vault-" + "Token: ", _part(WORD, 26)),
    "terraform": _token(_part(WORD, 14), ".atlas" + "v1.", _part(URL, 67)),
    "doppler": _token("dp." + "pt.", _part(WORD, 43)),
    "pulumi": _token("pu" + "l-", _part(HEX, 40)),
    "grafana": _token("gl" + "sa_", _part(WORD, 32), "_", _part(HEX, 8)),
    "grafana cloud": _token("gl" + "c_", _part(BASE64, 80)),
    "sentry": _token("sntr" + "yu_", _part(HEX, 64)),
    "new relic": _token("NR" + "AK-", _part(UPPER, 27)),
    "dynatrace": _token("dt0" + "c01.", _part(UPPER, 24), ".", _part(UPPER, 64)),
    "tailscale": _token("ts" + "key-auth-", _part(WORD, 12), "-", _part(WORD, 32)),
    "buildkite": _token("bk" + "ua_", _part(HEX, 40)),
    "circleci": _token("CCI" + "PAT_", _part(WORD, 22), "_", _part(HEX, 40)),
    # messages and mail
    "slack bot": _token(
        "xo" + "xb-", _part("0123456789", 12), "-", _part("0123456789", 12), "-", _part(WORD, 24)
    ),
    "slack user": _token("xo" + "xp-", _part("0123456789", 12), "-", _part(HEX, 32)),
    "slack app": _token(
        "xa" + "pp-1-A", _part(UPPER, 10), "-", _part("0123456789", 12), "-", _part(HEX, 64)
    ),
    "slack webhook": _token(
        "https://hooks." + "slack.com/services/T",
        _part(UPPER, 8),
        "/B",
        _part(UPPER, 8),
        "/",
        _part(WORD, 24),
    ),
    "discord webhook": _token(
        "https://discord" + ".com/api/webhooks/", _part("123456789", 18), "/", _part(URL, 68)
    ),
    "telegram": _token(_part("123456789", 10), ":A" + "A", _part(URL, 33)),
    "sendgrid": _token("SG" + ".", _part(URL, 22), ".", _part(URL, 43)),
    "mailgun": _token("ke" + "y-", _part(HEX, 32)),
    "mailchimp": _token(_part(HEX, 32), "-u" + "s14"),
    "twilio": _token("S" + "K", _part(HEX, 32)),
    # payment and shops
    "stripe": _token("sk" + "_live_", _part(WORD, 24, 99)),
    "stripe restricted": _token("rk" + "_live_", _part(WORD, 24, 99)),
    "stripe webhook": _token("wh" + "sec_", _part(WORD, 32)),
    "square": _token("sq0" + "csp-", _part(URL, 43)),
    "shopify": _token("shp" + "at_", _part(HEX, 32)),
    "shopify shared": _token("shp" + "ss_", _part(HEX, 32)),
    # work
    "atlassian": _token("ATA" + "TT3xFfGF0", _part(URL, 170), "=", _part(UPPER, 8)),
    "bitbucket": _token("AT" + "BB", _part(WORD, 32)),
    "postman": _token("PM" + "AK-", _part(HEX, 24), "-", _part(HEX, 34)),
    "linear": _token("lin" + "_api_", _part(WORD, 40)),
    "notion": _token("nt" + "n_", _part(WORD, 46)),
    "airtable": _token("pa" + "t", _part(WORD, 14), ".", _part(HEX, 64)),
    "figma": _token("fi" + "gd_", _part(URL, 43)),
    # models
    "anthropic": _token("sk-" + "ant-api03-", _part(URL, 93), "AA"),
    "openai project": _token("sk-" + "proj-", _part(URL, 74), "T3Blbk" + "FJ", _part(URL, 74)),
    "openai": _token("sk-", _part(WORD, 20), "T3Blbk" + "FJ", _part(WORD, 20)),
    "hugging face": _token("h" + "f_", _part(WORD, 34)),
    "replicate": _token("r" + "8_", _part(WORD, 37)),
    "groq": _token("gs" + "k_", _part(WORD, 52)),
    # headers, options, files, addresses
    "jwt": _token(_jwt),
    "bearer": _line("> Authoriz" + "ation: Bearer ", _part(URL, 40)),
    "bearer alone": _line("using Bearer ", _part(URL, 32)),
    "basic": _line("< authoriz" + "ation: Basic ", _encoded(_line("ann:", _PASSWORD))),
    "api key header": _line("x-api-" + "key: ", _part(WORD, 32)),
    "private token header": _line("PRIVATE-" + "TOKEN: ", _part(URL, 20)),
    "netrc": _line("machine example.org login ann pass" + "word ", _PASSWORD),
    "netrc lines": _line("machine example.org\n  login ann\n  pass" + "word ", _PASSWORD),
    "maven settings": _line("      <pass" + "word>", _PASSWORD, "</pass" + "word>"),
    "maven passphrase": _line("<pass" + "phrase>", _PASSWORD, "</pass" + "phrase>"),
    "maven option": _line("mvn deploy -Dgpg.pass" + "phrase=", _PASSWORD),
    "java option": _line("java -Djavax.net.ssl.keyStore" + "Password=", _PASSWORD, " -jar a.jar"),
    "option": _line("tool login --pass" + "word ", _PASSWORD),
    "curl user": _line("curl -fsS -u ann:", _PASSWORD, " https://example.org/"),
    "password setting": _line("db.pass" + "word=", _PASSWORD),
    "client secret": _line('"client_' + 'secret": "', _part(URL, 40), '"'),
    "token in url": _line("https://", _part(WORD, 24), "@example.org/x.git"),
    "password in url": _line("https://ann:", _part(WORD, 12), "@example.org/x.git"),
    "redis url": _line("redis://", ":", _part(WORD, 14), "@cache:6379/0"),
    "postgres url": _line("postgresql://app:", _part(WORD, 14), "@db/app"),
    "amqp url": _line("amqp://guest:", _part(WORD, 14), "@[::1]:5672"),
    "pgpassword": _line("PGPASS" + "WORD=", _PASSWORD, " psql"),
    # keys
    "rsa": _pem("RSA " + _KEY),
    "pkcs8": _pem(_KEY),
    "encrypted": _pem("ENCRYPTED " + _KEY),
    "openssh": _pem("OPENSSH " + _KEY),
    "pgp": _pem("PGP " + _KEY + " BLOCK"),
    "putty": _putty,
    "age": _token("AGE-SECRET-" + "KEY-1", _part("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L", 58)),
    "wireguard": _line("Private" + "Key = ", _part(BASE64, 43), "="),
    "password hash": _line(
        "root:$6$", _part(WORD, 16), "$", _part(WORD + "./", 86), ":19000:0:99999:7:::"
    ),
    # in base64
    "pem in base64": _encoded(_pem("RSA " + _KEY)),
    "pem in lines of base64": _wrapped(_pem(_KEY), 76),
    "kubeconfig in base64": _encoded(_kubeconfig),
    "kubeconfig in lines of base64": _wrapped(_kubeconfig, 76),
    "token in base64": _line("data: ", _encoded(_line("gh" + "p_", _part(WORD, 36)))),
}


def made_shapes(random: Random) -> Iterator[tuple[str, str]]:
    """Each shape by its name, made anew."""
    for name, shape in SHAPES.items():
        yield name, shape(random)
