"""A certificate for a TLS server on loopback, which no client trusts.

A library that is installed with the SAM command line makes it, since Python's own library makes no certificates.
"""

import ssl
import subprocess
import tempfile
from pathlib import Path

from infra.local.environment import SAM

_MAKE = """
import datetime, sys
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
now = datetime.datetime.now(datetime.timezone.utc)
builder = x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
certificate = builder.sign(key, hashes.SHA256())
pem = serialization.Encoding.PEM
private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
sys.stdout.buffer.write(private + certificate.public_bytes(pem))
"""


def untrusted() -> ssl.SSLContext:
    """Make a server's TLS context around a new certificate."""
    made = subprocess.run([SAM[0], "-c", _MAKE], capture_output=True, check=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pem"
        path.write_bytes(made.stdout)
        context.load_cert_chain(path)
    return context
