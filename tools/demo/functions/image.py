# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture is decoded, transformed, filtered and encoded, as by a gallery."""
import hashlib
import io
import random

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

SIZE = (192, 144)


def _photo(rng):
	"""A JPEG file with slopes, edges and grain, like what a user uploads."""
	grain = Image.frombytes("RGB", (24, 18), rng.randbytes(24 * 18 * 3))
	picture = grain.resize(SIZE, Image.BICUBIC)
	draw = ImageDraw.Draw(picture)
	for _ in range(12):
		x, y = rng.randrange(SIZE[0]), rng.randrange(SIZE[1])
		w, h = rng.randint(8, 80), rng.randint(8, 80)
		draw.ellipse((x, y, x + w, y + h), fill=tuple(rng.randbytes(3)))
	out = io.BytesIO()
	picture.save(out, "JPEG", quality=85)
	return out.getvalue()


def handle(request):
	rng = random.Random(request["seed"])
	upload = _photo(rng)

	picture = Image.open(io.BytesIO(upload)).convert("RGB")
	views = {
		"flip": ImageOps.mirror(picture),
		"turn": picture.rotate(rng.randint(5, 85), Image.BILINEAR),
		"blur": picture.filter(ImageFilter.GaussianBlur(2)),
		"edges": picture.convert("L").filter(ImageFilter.FIND_EDGES),
		"contrast": ImageEnhance.Contrast(picture).enhance(1.5),
		"thumb": picture.resize((64, 48), Image.LANCZOS),
	}
	answer = {"upload": len(upload)}
	for name, view in views.items():
		answer[name] = hashlib.sha256(view.tobytes()).hexdigest()[:16]
	for name, kind in (("thumb", "PNG"), ("contrast", "JPEG")):
		out = io.BytesIO()
		views[name].save(out, kind)
		answer[name + " file"] = len(out.getvalue())
	return answer
