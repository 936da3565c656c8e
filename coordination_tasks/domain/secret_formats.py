"""Formats of tokens that say what they are: by prefix, alphabet and length.

Each row names where its vendor documents it. The lengths are lower bounds, because vendors announce
that tokens become longer. Rules of other shapes are in `coordination_tasks/domain/secret_scan.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

_WORD = "[A-Za-z0-9]"
_URL = "[A-Za-z0-9_-]"
_HEX = "[0-9a-f]"
_BASE64 = "[A-Za-z0-9+/]"


@dataclass(frozen=True, slots=True)
class TokenFormat:
    """One kind of token: its start, and what follows at least so many times."""

    rule: str
    """Shown in place of the secret."""
    prefix: str
    """A regular expression without groups that capture."""
    alphabet: str
    least: int
    source: str
    """Where the format is documented."""

    @property
    def pattern(self) -> str:
        """The complete token."""
        return f"{self.prefix}{self.alphabet}{{{self.least},}}"


_GITHUB = "docs.github.com/authentication: GitHub's token formats"
_SCANNING = "docs.github.com/code-security: supported secret scanning patterns"
_GITLAB = "docs.gitlab.com/security/tokens: token prefixes"
_VAULT = "developer.hashicorp.com/vault/docs/concepts/tokens"
_GOOGLE = "cloud.google.com/docs/authentication: API keys, OAuth tokens and client secrets"
_STRIPE = "docs.stripe.com/keys and docs.stripe.com/webhooks"
_AWS = "docs.aws.amazon.com/IAM: unique identifiers"
_DIGITALOCEAN = "docs.digitalocean.com/reference/api: token prefixes"
_SLACK = "docs.slack.dev/authentication/tokens"
_ATLASSIAN = "support.atlassian.com: API tokens; " + _SCANNING
_OPENAI = "platform.openai.com/docs/api-reference; " + _SCANNING

TOKEN_FORMATS = (
    # source hosts and packages
    TokenFormat("GitHub Token", "gh[pousr]_", _WORD, 36, _GITHUB),
    TokenFormat("GitHub Token", "github_pat_", "[A-Za-z0-9_]", 50, _GITHUB),
    TokenFormat(
        "GitLab Token",
        "gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-",
        _URL,
        20,
        _GITLAB,
    ),
    TokenFormat("GitLab Token", "GR1348941", _URL, 20, _GITLAB),
    TokenFormat("Bitbucket Token", "ATBB", _WORD, 24, _ATLASSIAN),
    TokenFormat("Gitea Token", "gt[ou]_", _HEX, 40, "docs.gitea.com: access tokens; " + _SCANNING),
    TokenFormat("npm Token", "npm_", _WORD, 36, "github.blog 2021-09-23: npm access token format"),
    TokenFormat("PyPI Token", "pypi-", _URL, 50, "github.com/pypi/warehouse: macaroons"),
    TokenFormat("RubyGems Token", "rubygems_", _HEX, 48, "guides on API key scopes; " + _SCANNING),
    TokenFormat("Cargo Token", "cio", _WORD, 32, "rust-lang/crates.io: token prefix; " + _SCANNING),
    TokenFormat("NuGet Key", "oy2", "[a-z0-9]", 43, "learn.microsoft.com/nuget; " + _SCANNING),
    TokenFormat("Packagist Token", "packagist_[a-z]{3}_", _HEX, 40, _SCANNING),
    TokenFormat("Clojars Token", "CLOJARS_", "[a-z0-9]", 60, "github.com/clojars: deploy tokens"),
    TokenFormat("Docker Token", "dckr_(?:pat|oat)_", _URL, 20, "docs.docker.com/security: tokens"),
    TokenFormat("Artifactory Key", "AKCp", _WORD, 60, "jfrog.com/help: API keys; " + _SCANNING),
    TokenFormat("Artifactory Token", "cmVmdGtu", _WORD, 40, "jfrog.com/help: reference tokens"),
    TokenFormat("Sonar Token", "sq[upa]_", _HEX, 40, "docs.sonarsource.com: user tokens"),
    # clouds
    TokenFormat("AWS Access Key", "(?:A3T[A-Z0-9]|ABIA|ACCA|AKIA|ASIA)", "[A-Z0-9]", 16, _AWS),
    TokenFormat("AWS Bedrock Key", "ABSK", _BASE64, 100, "docs.aws.amazon.com/bedrock: API keys"),
    TokenFormat("Google Key", "AIza", _URL, 35, _GOOGLE),
    TokenFormat("Google Token", r"ya29\.", "[A-Za-z0-9_.-]", 30, _GOOGLE),
    TokenFormat("Google Token", "1//0", _URL, 40, _GOOGLE),
    TokenFormat("Google Secret", "GOCSPX-", _URL, 28, _GOOGLE),
    TokenFormat(
        "Azure Secret",
        r"[A-Za-z0-9_~.]{3}[0-9]Q~",
        "[A-Za-z0-9_~.-]",
        31,
        "learn.microsoft.com/entra: client secrets",
    ),
    TokenFormat(
        "Azure DevOps Token",
        f"{_WORD}{{76}}AZDO",
        _WORD,
        4,
        "learn.microsoft.com/azure/devops: personal access tokens",
    ),
    TokenFormat("DigitalOcean Token", "do[opr]_v1_", _HEX, 64, _DIGITALOCEAN),
    TokenFormat("Heroku Key", "HRKU-", _URL, 36, "devcenter.heroku.com: API key prefix"),
    TokenFormat("Fly.io Token", "fm[12][ar]?_", _BASE64, 60, "fly.io/docs/security/tokens"),
    TokenFormat("Netlify Token", "nfp_", _WORD, 36, "docs.netlify.com: personal access tokens"),
    TokenFormat("Alibaba Key", "LTAI", _WORD, 12, "alibabacloud.com/help/ram: AccessKey pairs"),
    TokenFormat("Yandex Token", "(?:AQVN|y0_Ag)", _URL, 35, "yandex.cloud/docs/iam: API keys"),
    TokenFormat("Databricks Token", "dapi", _HEX, 32, "docs.databricks.com/dev-tools/auth/pat"),
    TokenFormat("PlanetScale Token", "pscale_(?:tkn|pw|oauth)_", "[A-Za-z0-9_.=-]", 32, _SCANNING),
    TokenFormat("Supabase Key", "(?:sbp_|sb_secret_)", _URL, 20, "supabase.com/docs: API keys"),
    TokenFormat(
        "MongoDB Secret", "mdb_sa_sk_", _URL, 40, "mongodb.com/docs/atlas: service accounts"
    ),
    TokenFormat(
        "Cloudflare Token", "cf(?:k|ut|at)_", _URL, 40, "developers.cloudflare.com: tokens"
    ),
    TokenFormat(
        "Cloudflare Key", r"v1\.0-[0-9a-f]{24}-", _HEX, 140, "developers.cloudflare.com: origin CA"
    ),
    # infrastructure and observation
    TokenFormat("Vault Token", r"hv[sbr]\.", _URL, 24, _VAULT),
    TokenFormat("Terraform Token", rf"{_WORD}{{14}}\.atlasv1\.", _URL, 60, _SCANNING),
    TokenFormat(
        "Doppler Token",
        r"dp\.(?:pt|st|ct|sa|scim|audit)\.",
        "[A-Za-z0-9_.-]",
        40,
        "docs.doppler.com: token formats",
    ),
    TokenFormat("1Password Token", "ops_eyJ", _URL, 200, "developer.1password.com/docs"),
    TokenFormat("Pulumi Token", "pul-", _HEX, 40, "pulumi.com/docs: access tokens"),
    TokenFormat("Grafana Token", "gl(?:sa|c)_", "[A-Za-z0-9_+/=-]", 32, "grafana.com/docs: tokens"),
    TokenFormat(
        "Sentry Token", "sntry[su]_", "[A-Za-z0-9_+/=-]", 32, "docs.sentry.io: auth tokens"
    ),
    TokenFormat("New Relic Key", "NRAK-", "[A-Z0-9]", 27, "docs.newrelic.com: API keys"),
    TokenFormat(
        "Dynatrace Token",
        r"dt0[a-zA-Z][0-9]{2}\.[A-Z0-9]{24}\.",
        "[A-Z0-9]",
        64,
        "docs.dynatrace.com: token format",
    ),
    TokenFormat(
        "Tailscale Key", "tskey-[a-z]+-", "[A-Za-z0-9-]", 20, "tailscale.com/kb: key prefixes"
    ),
    TokenFormat("Buildkite Token", "bk(?:ua|aa|pt|ct)_", _WORD, 32, "buildkite.com/docs/apis"),
    TokenFormat(
        "CircleCI Token", "CCI(?:PAT|PRJ)_", "[A-Za-z0-9_]", 40, "circleci.com/docs: tokens"
    ),
    TokenFormat("Octopus Key", "API-", "[A-Z0-9]", 25, "octopus.com/docs: API keys"),
    TokenFormat("Prefect Key", "pn[ub]_", _WORD, 36, "docs.prefect.io: API keys"),
    TokenFormat(
        "Sourcegraph Token", "sgp_", "[0-9a-f_]", 40, "sourcegraph.com/docs: access tokens"
    ),
    # messages and mail
    TokenFormat("Slack Token", "xox[abeoprs]-", "[A-Za-z0-9-]", 20, _SLACK),
    TokenFormat("Slack Token", "(?:xapp-|xoxe\\.xox[bp]-)", "[A-Za-z0-9-]", 20, _SLACK),
    TokenFormat(
        "Webhook Address",
        r"hooks\.slack\.com/(?:services|workflows|triggers)/",
        "[A-Za-z0-9/]",
        20,
        "docs.slack.dev: incoming webhooks",
    ),
    TokenFormat(
        "Webhook Address",
        r"discord(?:app)?\.com/api/webhooks/[0-9]{15,}/",
        _URL,
        50,
        "discord.com/developers/docs: webhooks",
    ),
    TokenFormat(
        "Webhook Address", r"webhook\.office\.com/webhookb2/", "[A-Za-z0-9@/-]", 60, _SCANNING
    ),
    TokenFormat(
        "Discord Token",
        r"[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.",
        _URL,
        27,
        "discord.com/developers/docs/reference: authentication",
    ),
    TokenFormat("Telegram Token", "[0-9]{8,10}:AA", _URL, 33, "core.telegram.org/bots/api"),
    TokenFormat("Twilio Key", "SK", _HEX, 32, "twilio.com/docs/iam: API keys"),
    TokenFormat("SendGrid Key", rf"SG\.{_URL}{{22}}\.", _URL, 43, "twilio.com/docs/sendgrid"),
    TokenFormat("Mailgun Key", "key-", _HEX, 32, "documentation.mailgun.com"),
    TokenFormat("Mailchimp Key", "[0-9a-f]{32}-us", "[0-9]", 1, "mailchimp.com/developer"),
    TokenFormat("Brevo Key", "xkeysib-", "[0-9a-f]", 64, "developers.brevo.com"),
    TokenFormat("Resend Key", f"re_{_WORD}{{8}}_", _WORD, 20, "resend.com/docs; " + _SCANNING),
    # payment and shops
    TokenFormat("Stripe Key", "[sr]k_(?:live|test)_", _WORD, 24, _STRIPE),
    TokenFormat("Stripe Secret", "whsec_", "[A-Za-z0-9+/]", 32, _STRIPE),
    TokenFormat("Square Token", "sq0(?:atp|csp)-", _URL, 22, "developer.squareup.com/docs"),
    TokenFormat("Square Token", "EAAA", _URL, 60, "developer.squareup.com/docs"),
    TokenFormat(
        "Shopify Token", "shp(?:at|ca|pa|ss|ua|tka)_", _HEX, 32, "shopify.dev/docs: tokens"
    ),
    TokenFormat("Meta Token", "EAA[A-Z]", _WORD, 80, "developers.facebook.com/docs: access tokens"),
    # work
    TokenFormat("Atlassian Token", "AT(?:ATT3|CTT3|SCTT3)", "[A-Za-z0-9_=-]", 60, _ATLASSIAN),
    TokenFormat("Postman Key", "PMAK-[0-9a-f]{24}-", _HEX, 34, "learning.postman.com: API keys"),
    TokenFormat("Linear Key", "lin_(?:api|oauth)_", _WORD, 32, "linear.app/developers"),
    TokenFormat("Notion Token", "ntn_", _WORD, 40, "developers.notion.com: token prefix"),
    TokenFormat("Notion Token", "secret_", _WORD, 43, "developers.notion.com: token prefix"),
    TokenFormat("Airtable Token", rf"pat{_WORD}{{14}}\.", _HEX, 64, "airtable.com/developers"),
    TokenFormat("Asana Token", "[0-9]/[0-9]{16}:", _HEX, 32, "developers.asana.com; " + _SCANNING),
    TokenFormat("Figma Token", "fig[dou]_", _URL, 40, "figma.com/developers/api"),
    TokenFormat("Dropbox Token", r"sl\.(?:u\.)?", _URL, 100, "dropbox.com/developers"),
    TokenFormat("Mapbox Token", rf"sk\.eyJ{_URL}{{40,}}\.", _URL, 20, "docs.mapbox.com: tokens"),
    TokenFormat("Contentful Token", "CFPAT-", _URL, 43, "contentful.com/developers/docs"),
    TokenFormat("Typeform Token", "tfp_", "[A-Za-z0-9_.=-]", 40, "typeform.com/developers"),
    TokenFormat(
        "LaunchDarkly Key", "(?:sdk|api)-[0-9a-f]{8}-", "[0-9a-f-]", 27, "docs.launchdarkly.com"
    ),
    TokenFormat("Plaid Token", "access-(?:sandbox|production)-", "[0-9a-f-]", 36, "plaid.com/docs"),
    # models
    TokenFormat("Anthropic Key", "sk-ant-", _URL, 40, "docs.anthropic.com/api; " + _SCANNING),
    TokenFormat("OpenAI Key", "sk-(?:proj|svcacct|admin)-", _URL, 40, _OPENAI),
    TokenFormat("OpenAI Key", f"sk-{_WORD}{{20}}T3BlbkFJ", _WORD, 20, _OPENAI),
    TokenFormat("OpenRouter Key", "sk-or-v1-", _HEX, 64, "openrouter.ai/docs; " + _SCANNING),
    TokenFormat("Model Key", "sk-", "[0-9a-f]", 32, "api-docs.deepseek.com; " + _SCANNING),
    TokenFormat("Hugging Face Token", "hf_", _WORD, 34, "huggingface.co/docs/hub/security-tokens"),
    TokenFormat("Replicate Token", "r8_", _WORD, 37, "replicate.com/docs: API tokens"),
    TokenFormat("Groq Key", "gsk_", _WORD, 40, "console.groq.com/docs; " + _SCANNING),
    TokenFormat("xAI Key", "xai-", _WORD, 70, "docs.x.ai; " + _SCANNING),
    TokenFormat("Perplexity Key", "pplx-", _WORD, 40, "docs.perplexity.ai; " + _SCANNING),
    TokenFormat("Pinecone Key", "pcsk_", "[A-Za-z0-9_]", 50, "docs.pinecone.io; " + _SCANNING),
    # keys
    TokenFormat("Age Key", "AGE-SECRET-KEY-1", "[02-9AC-HJ-NP-Z]", 58, "age-encryption.org/v1"),
    TokenFormat("Private Key", "b3BlbnNzaC1rZXktdjE", _BASE64, 20, "PROTOCOL.key of OpenSSH"),
    TokenFormat(
        "Private Key",
        f"MII{_BASE64}{{3}}IBA(?:DANBgkqhkiG9w0BAQEFAASC|AKCA[QgE])",
        _BASE64,
        40,
        "RFC 5958 and RFC 8017, in DER and base64",
    ),
    TokenFormat("Password Hash", r"\$(?:2[aby]|5|6|y)\$", "[A-Za-z0-9./$]", 20, "crypt(5)"),
    TokenFormat(
        "JSON Web Token", rf"eyJ{_URL}{{10,}}\.{_URL}{{10,}}\.", "[A-Za-z0-9_.-]", 10, "RFC 7519"
    ),
)

# JSON writes a line break as two characters
_BEFORE = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"
SHORTEST_TOKEN = 16
"""No token of the table is shorter."""


def token_rule(text: str) -> str | None:
    """The rule of the first row whose token is in the text."""
    if not _any().search(text):
        return None
    return next((rule for rule, pattern in _each() if pattern.search(text)), None)


# compiled when they are needed: most commands scan nothing


@cache
def _any() -> re.Pattern[str]:
    """One pattern for all rows: five times as fast as one after the other."""
    return re.compile(f"{_BEFORE}(?:{'|'.join(sorted({f.pattern for f in TOKEN_FORMATS}))})")


@cache
def _each() -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((f.rule, re.compile(_BEFORE + f.pattern)) for f in TOKEN_FORMATS)
