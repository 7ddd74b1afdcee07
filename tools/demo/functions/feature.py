# SPDX-License-Identifier: GPL-2.0-or-later
"""TF-IDF of product reviews, and what each rating talks about."""
import random

import pandas as pd

SYLLABLES = ("ba", "cor", "den", "fi", "gal", "hum", "jo", "ket", "lor", "mi",
	     "nus", "pra", "quo", "ri", "sel", "tam", "vex", "wol", "yar", "zun")
VOCABULARY = tuple(a + b for a in SYLLABLES for b in SYLLABLES)
REVIEWS = 40


def _reviews(rng):
	# a few words are everywhere and many are rare, as in any language
	weights = [1 / (rank + 1) for rank in range(len(VOCABULARY))]
	words = rng.sample(VOCABULARY, len(VOCABULARY))
	return pd.DataFrame({
		"review": range(REVIEWS),
		"rating": [rng.randint(1, 5) for _ in range(REVIEWS)],
		"text": [" ".join(rng.choices(words, weights, k=rng.randint(15, 40)))
			 for _ in range(REVIEWS)],
	})


def handle(request):
	reviews = _reviews(random.Random(request["seed"]))

	terms = reviews.assign(term=reviews["text"].str.split()).explode("term")
	counts = terms.groupby(["review", "rating", "term"]).size()
	counts = counts.rename("count").reset_index()
	documents = counts.groupby("term")["review"].nunique().rename("documents")
	counts = counts.join(documents, on="term")
	length = counts.groupby("review")["count"].transform("sum")
	# ranks and rarities are exact, so that ties break alike everywhere
	counts["tfidf"] = (counts["count"] / length
			   * (REVIEWS / counts["documents"])).round(9)

	rated = counts.groupby(["rating", "term"])["tfidf"].sum().round(6)
	rated = rated.reset_index().sort_values(
		["rating", "tfidf", "term"], ascending=[True, False, True])
	top = rated.groupby("rating").head(3)
	return {
		"terms": int(len(documents)),
		"pairs": int(len(counts)),
		"mean": round(float(counts["tfidf"].mean()), 6),
		"top": {str(rating): list(group["term"])
			for rating, group in top.groupby("rating")},
	}
