# SPDX-License-Identifier: GPL-2.0-or-later
"""A session token is derived, encrypted, signed, and then checked again."""
import base64
import json
import random

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac, padding, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

ROUNDS = 500


def _encrypt(key, iv, text):
	pad = padding.PKCS7(128).padder()
	box = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
	return box.update(pad.update(text) + pad.finalize()) + box.finalize()


def _decrypt(key, iv, data):
	box = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
	pad = padding.PKCS7(128).unpadder()
	return pad.update(box.update(data) + box.finalize()) + pad.finalize()


def _mac(key, data):
	mac = hmac.HMAC(key, hashes.SHA256())
	mac.update(data)
	return mac.finalize()


def _is_forged(key, signature, data):
	try:
		key.verify(signature, data)
	except InvalidSignature:
		return True
	return False


def handle(request):
	rng = random.Random(request["seed"])
	salt, iv = rng.randbytes(16), rng.randbytes(16)
	password = rng.randbytes(12)
	keys = PBKDF2HMAC(hashes.SHA256(), 64, salt, ROUNDS).derive(password)
	signer = ed25519.Ed25519PrivateKey.from_private_bytes(rng.randbytes(32))
	public = signer.public_key()

	claims = {"user": rng.getrandbits(32), "roles": ["reader"] * 3,
		  "note": rng.randbytes(400).hex()}
	text = json.dumps(claims, sort_keys=True).encode()
	sealed = iv + _encrypt(keys[:32], iv, text)
	token = sealed + _mac(keys[32:], sealed)
	signature = signer.sign(token)

	public.verify(signature, token)
	opened = _decrypt(keys[:32], token[:16], token[16:-32])
	return {
		"token": base64.b64encode(token[-32:]).decode(),
		"signature": signature.hex(),
		"public": public.public_bytes(serialization.Encoding.Raw,
					      serialization.PublicFormat.Raw).hex(),
		"opened": json.loads(opened) == claims,
		"forgery": _is_forged(public, signature, token[1:]),
	}
