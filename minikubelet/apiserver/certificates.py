"""Certificates: make them and check them. EC P-256, which costs a millisecond where RSA costs a
second.

Role: values in, PEM out; no file is touched.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from minikubelet.value_class import dataclass

_AUTHORITY_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=820)
"""They are renewed when the daemon starts; some clients take none that live longer."""
_RENEW_BEFORE = timedelta(days=30)
_BACKDATED = timedelta(minutes=5)
"""Clients whose clock is a little behind ours."""


class CertificateError(ValueError):
    """Why a pair is of no use."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its key."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)


def make_authority(now: datetime) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    # A name of its own for each: clients that know an older one tell them apart.
    digest = hashlib.sha256(_public_bytes(public)).hexdigest()[:8]
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"minikubelet-ca-{digest}")])
    usage = _key_usage(key_cert_sign=True, crl_sign=True)
    built = (
        _builder(name, name, public, now, _AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _issued(built, key)


def make_server(authority: Issued, hosts: Sequence[str], now: datetime) -> Issued:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "minikubelet")])
    names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
    return _leaf(authority, name, ExtendedKeyUsageOID.SERVER_AUTH, now, names)


def make_client(authority: Issued, user: str, groups: Sequence[str], now: datetime) -> Issued:
    """The common name is the user, the organizations are the groups."""
    name = x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups),
            x509.NameAttribute(NameOID.COMMON_NAME, user),
        ]
    )
    return _leaf(authority, name, ExtendedKeyUsageOID.CLIENT_AUTH, now)


def check_issued(
    issued: Issued, now: datetime, authority: Issued | None = None, hosts: Sequence[str] = ()
) -> None:
    """Raises CertificateError unless the two belong together, `authority` has signed them (None: it
    is one itself), they live on for a while and name all `hosts`."""
    certificate, key = _load(issued)
    if _public_bytes(key.public_key()) != _public_bytes(certificate.public_key()):
        raise CertificateError("the key is not that of the certificate")
    if now < certificate.not_valid_before_utc:
        raise CertificateError("it begins in the future")
    if now >= renewal_of(issued):
        raise CertificateError(f"it ends at {certificate.not_valid_after_utc.isoformat()}")
    signer = certificate if authority is None else _load(authority)[0]
    try:
        certificate.verify_directly_issued_by(signer)
    except (InvalidSignature, ValueError, TypeError) as error:
        raise CertificateError("another authority has signed it") from error
    if hosts:
        missing = {_general_name(host).value for host in hosts} - _names(certificate)
        if missing:
            raise CertificateError(f"it lacks {', '.join(sorted(map(str, missing)))}")


def renewal_of(issued: Issued) -> datetime:
    """From when on it is not good enough any more."""
    return _load(issued)[0].not_valid_after_utc - _RENEW_BEFORE


def _load(issued: Issued) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(issued.certificate_pem)
        key = serialization.load_pem_private_key(issued.key_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError("it cannot be read") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError("its key is of another kind")
    return certificate, key


def _leaf(
    authority: Issued,
    name: x509.Name,
    purpose: x509.ObjectIdentifier,
    now: datetime,
    names: x509.SubjectAlternativeName | None = None,
) -> Issued:
    signer, signer_key = _load(authority)
    key = ec.generate_private_key(ec.SECP256R1())
    life = min(_LEAF_LIFE, signer.not_valid_after_utc - now)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer_key.public_key())
    builder = (
        _builder(name, signer.subject, key.public_key(), now, life)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(identifier, critical=False)
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    return _issued(builder.sign(signer_key, hashes.SHA256()), key)


def _builder(
    name: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    now: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + life)
    )


def _key_usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _issued(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Issued:
    return Issued(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _general_name(host: str) -> x509.DNSName | x509.IPAddress:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return x509.DNSName(host)


def _names(certificate: x509.Certificate) -> set[object]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return set()
    return {name.value for name in names.value}


def _public_bytes(key: object) -> bytes:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise CertificateError("its key is of another kind")
    return key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
