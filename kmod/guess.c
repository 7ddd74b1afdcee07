// SPDX-License-Identifier: GPL-2.0
/*
 * Guesses.
 *
 * A page is told word by word, beside a page that it resembles. Of each word that says
 * what to expect: zeros stay, what is no address and large is a hash or a double and
 * hardly ever the same, and an address is where it was, slid as the last one was that
 * pointed to the same page or the same region. So whether a word is as guessed takes a
 * bit that is mostly next to nothing (coder.h), and no list of slides is needed. What is
 * not as guessed is told in the way that takes least, and remembered.
 *
 * Bits that look random, which are those in the middle of numbers, are not coded, as that
 * would take time and gain nothing. Text has a fixed prefix code, for the same reason.
 *
 * One description serves both directions: what is told is told by the same steps that
 * read it.
 */
#include "guess.h"

#define GROUP  8	/* words */
#define SPREAD 0x9e3779b1U	/* multiplied by this, what is close comes apart */
#define LATEST 3	/* of what was missed, the two bits that count */

/* A word of the page that is resembled, and what is made of it. */
struct guess {
	u64 word;
	u64 base;
	unsigned int is;
};

static __always_inline unsigned int page_slot(u64 page)
{
	return (u32)page * SPREAD >> (32 - MEDES_GUESS_PAGES_LOG);
}

static __always_inline unsigned int region_slot(u64 region)
{
	return (u32)region * SPREAD >> (32 - MEDES_GUESS_REGIONS_LOG);
}

/*
 * What is not an address is in no slot, but for numbers so small that they take an empty one
 * for theirs, of slide 0. No branch asks which it is: nothing could foresee that.
 */
static __always_inline struct guess guess(const struct medes_guess_work *work, u64 base)
{
	u64 page = base >> MEDES_PAGES_SHIFT, region = base >> MEDES_SLID_REGION_SHIFT;
	const struct medes_guess_slide *of_page = &work->page[page_slot(page)];
	const struct medes_guess_slide *of_region = &work->region[region_slot(region)];
	u64 by_page = of_page->of == page, by_region = of_region->of == region && !by_page;
	u64 address = medes_is_address(base);
	unsigned int is = MEDES_IS_ZERO + !!base + (base > 0xff) + (base > 0xffff) +
			  (base > 0xffffffff);

	is += address + (address & by_region) + 2 * (address & by_page);
	return (struct guess) {
		base + (of_page->by & -by_page) + (of_region->by & -by_region), base, is
	};
}

static_assert(MEDES_GUESS_PAGES >> MEDES_GUESS_PAGES_LOG == 1 &&
	      MEDES_GUESS_REGIONS >> MEDES_GUESS_REGIONS_LOG == 1, "slots have numbers");
static_assert(MEDES_IS_ADDRESS - MEDES_IS_LARGE == 1 && MEDES_IS_OF_REGION - MEDES_IS_LARGE == 2 &&
	      MEDES_IS_OF_PAGE - MEDES_IS_LARGE == 3, "kinds are summed up");
static_assert(MEDES_SLID_REGION_SHIFT < 32, "regions are addresses, or none is");

/* For learning. */
static __always_inline void count(struct medes_guess_work *work, enum medes_coding how,
				  size_t which, unsigned int bit)
{
	if (how == MEDES_WRITE && work->seen)
		work->seen[which][bit]++;
}

static __always_inline size_t context(const struct medes_guess_work *work, const medes_odds *odds)
{
	return odds - (const medes_odds *)&work->odds;
}

static __always_inline unsigned int code_flag(struct medes_guess_work *work,
					      struct medes_coder *coder, enum medes_coding how,
					      medes_odds *odds, unsigned int bit)
{
	count(work, how, context(work, odds), bit);
	return medes_code_bit(coder, how, odds, bit);
}

/* One of a few values. */
static __always_inline unsigned int choose(struct medes_guess_work *work,
					   struct medes_coder *coder, enum medes_coding how,
					   unsigned int choice, medes_odds *odds,
					   unsigned int value)
{
	count(work, how, context(work, odds) + value, 1);
	return medes_code_choice(coder, how, &work->choice[choice], odds, value);
}

static __always_inline unsigned int choose_tell(struct medes_guess_work *work,
						struct medes_coder *coder, enum medes_coding how,
						unsigned int is, unsigned int tell)
{
	return choose(work, coder, how, MEDES_CHOOSE_TELL + is, work->odds.tell[is][work->told],
		      tell);
}

static __always_inline unsigned int choose_before(struct medes_guess_work *work,
						  struct medes_coder *coder, enum medes_coding how,
						  unsigned int tell, unsigned int number)
{
	return choose(work, coder, how, MEDES_CHOOSE_BEFORE + tell, work->odds.before[tell],
		      number);
}

/* The number behind its size: the topmost octet, what is in the middle, and the lowest bits. */
static __always_inline u64 code_number(struct medes_guess_work *work, struct medes_coder *coder,
				       enum medes_coding how, unsigned int slot, unsigned int size,
				       u64 number)
{
	unsigned int choice = MEDES_CHOOSE_TOP + 2 * slot, bits = 8 * size - 12;
	u64 high = number >> 8 * (size - 1), top, rest, low;

	top = choose(work, coder, how, choice, work->odds.top[slot][0], high >> 4 & 15) << 4;
	top |= choose(work, coder, how, choice + 1, work->odds.top[slot][1], high & 15);
	if (size == 1)
		return top;
	rest = medes_code_bits(coder, how, bits, number >> 4);
	low = choose(work, coder, how, MEDES_CHOOSE_BOTTOM + slot, work->odds.bottom[slot],
		     number & 15);
	return top << (bits + 4) | rest << 4 | low;
}

/* A number and its size, whichever way it counts. */
static __always_inline u64 code_sized(struct medes_guess_work *work, struct medes_coder *coder,
				      enum medes_coding how, unsigned int is, unsigned int tell,
				      u64 number)
{
	unsigned int kind = tell - MEDES_TELL_SIZED, more = tell == MEDES_TELL_SLIDE, size = 0;
	u64 bias;

	if (how != MEDES_READ)
		size = tell == MEDES_TELL_PLAIN ? (71U - __builtin_clzll(number | 1)) / 8 :
						  max(medes_signed_size(number), 1 + more) - more;
	size = 1 + choose(work, coder, how,
			  MEDES_CHOOSE_SIZE + is * (MEDES_TELL_KINDS - MEDES_TELL_SIZED) + kind,
			  work->odds.size[is][kind], size - 1);
	bias = tell == MEDES_TELL_PLAIN ? 0 : 1ULL << (8 * (size + more) - 1);
	return code_number(work, coder, how, kind * MEDES_TELL_SIZES + size - 1, size + more,
			   number + bias) - bias;
}

/* One of the last values that were told; 0 is the latest. */
static __always_inline u64 *ring_at(struct medes_guess_ring *ring, unsigned int number)
{
	return &ring->value[(ring->latest + number) % MEDES_TELL_BEFORE];
}

/* It becomes the latest, in place of that. */
static __always_inline void ring_swap(struct medes_guess_ring *ring, unsigned int number)
{
	swap(*ring_at(ring, 0), *ring_at(ring, number));
}

/* Of those that were told, the first goes. */
static __always_inline void ring_add(struct medes_guess_ring *ring, u64 value)
{
	ring->latest = (ring->latest + MEDES_TELL_BEFORE - 1) % MEDES_TELL_BEFORE;
	*ring_at(ring, 0) = value;
}

/* Which is this? MEDES_TELL_BEFORE: none. No branch asks, as there is no telling. */
static __always_inline unsigned int ring_find(struct medes_guess_ring *ring, u64 value)
{
	unsigned int found = MEDES_TELL_BEFORE, i;

	for (i = 0; i < MEDES_TELL_BEFORE; i++) {
		unsigned int number = (i - ring->latest) % MEDES_TELL_BEFORE;

		found = ring->value[i] == value && number < found ? number : found;
	}
	return found;
}

static __always_inline u64 code_region(struct medes_guess_work *work, struct medes_coder *coder,
				       enum medes_coding how, unsigned int number, u64 word)
{
	struct medes_guess_ring *ring = &work->before[MEDES_TELL_REGION];
	u64 high, middle, low;

	high = choose(work, coder, how, MEDES_CHOOSE_PLACE, work->odds.place[0],
		      word >> (MEDES_TOLD_REGION_SHIFT - 4) & 15);
	middle = medes_code_bits(coder, how, MEDES_TOLD_REGION_SHIFT - 8, word >> 4);
	low = choose(work, coder, how, MEDES_CHOOSE_PLACE + 1, work->odds.place[1], word & 15);
	return *ring_at(ring, number) << MEDES_TOLD_REGION_SHIFT |
	       high << (MEDES_TOLD_REGION_SHIFT - 4) | middle << 4 | low;
}

/* Which code an octet of text has, by the one before. */
static __always_inline unsigned int text_after(u8 octet)
{
	unsigned int letter = (u8)(octet - 'a') <= 'z' - 'a';

	return (1 + !!octet) & (letter - 1);
}

/* Eight octets; of the bits to come, no more are looked at than an octet can take. */
static __always_inline u64 code_text(struct medes_guess_work *work, struct medes_coder *coder,
				     enum medes_coding how, u64 word)
{
	const struct medes_text *text = &work->text;
	unsigned int after = text_after(' '), i;
	u64 got = 0;

	for (i = 0; i < 64; i += 8) {
		u8 octet = word >> i;

		if (how == MEDES_READ) {
			unsigned int next = medes_peek_bits(coder, MEDES_TEXT_BITS);

			octet = text->of[after][next].octet;
			medes_take_bits(coder, text->of[after][next].bits);
		} else {
			medes_code_bits(coder, how, medes_text_bits[after][octet],
					text->code[after][octet]);
			count(work, how, MEDES_GUESS_CONTEXTS + 256 * after + octet, 1);
		}
		got |= (u64)octet << i;
		after = text_after(octet);
	}
	return got;
}

/* A word, in the way that is told; number is that of what was told before, if it was. */
static __always_inline u64 code_as(struct medes_guess_work *work, struct medes_coder *coder,
				   enum medes_coding how, const struct guess *guess,
				   unsigned int tell, unsigned int *number, u64 word)
{
	unsigned int is = guess->is;
	u64 from;

	if (tell <= MEDES_TELL_REGION)
		*number = choose_before(work, coder, how, tell, *number);
	switch (tell) {
	case MEDES_TELL_VALUE:
		return *ring_at(&work->before[tell], *number);
	case MEDES_TELL_DELTA:
		return guess->word + *ring_at(&work->before[tell], *number);
	case MEDES_TELL_REGION:
		return code_region(work, coder, how, *number, word);
	case MEDES_TELL_TEXT:
		return code_text(work, coder, how, word);
	case MEDES_TELL_STEP:
		return guess->word +
		       code_sized(work, coder, how, is, tell, word - guess->word);
	case MEDES_TELL_HIGH:
		from = guess->word >> 32;
		return (u64)(from + code_sized(work, coder, how, is, tell,
					       (s64)(word - guess->word) >> 32)) << 32 |
		       (guess->word & 0xffffffff);
	case MEDES_TELL_SLIDE:
		return guess->word +
		       (code_sized(work, coder, how, is, tell,
				   (s64)(word - guess->word) >> MEDES_PAGES_SHIFT) <<
			MEDES_PAGES_SHIFT);
	case MEDES_TELL_NEAR:
		return work->last + code_sized(work, coder, how, is, tell, word - work->last);
	default:
		return code_sized(work, coder, how, is, MEDES_TELL_PLAIN, word);
	}
}

/* What follows from a word that was not as guessed. */
static __always_inline void learn(struct medes_guess_work *work, const struct guess *guess,
				  unsigned int tell, unsigned int number, u64 word)
{
	u64 region = word >> MEDES_TOLD_REGION_SHIFT;

	if (tell <= MEDES_TELL_REGION)
		ring_swap(&work->before[tell], number);
	if (tell > MEDES_TELL_DELTA) {
		ring_add(&work->before[MEDES_TELL_VALUE], word);
		ring_add(&work->before[MEDES_TELL_DELTA], word - guess->word);
	}
	work->told = tell;
	if (!medes_is_address(word))
		return;
	work->last = word;
	if (region != *ring_at(&work->before[MEDES_TELL_REGION], 0)) {
		struct medes_guess_ring *ring = &work->before[MEDES_TELL_REGION];

		number = ring_find(ring, region);
		if (number < MEDES_TELL_BEFORE)
			ring_swap(ring, number);
		else
			ring_add(ring, region);
	}
	if (guess->is >= MEDES_IS_ADDRESS) {
		u64 page = guess->base >> MEDES_PAGES_SHIFT;

		region = guess->base >> MEDES_SLID_REGION_SHIFT;
		work->page[page_slot(page)] =
			(struct medes_guess_slide) { page, word - guess->base };
		work->region[region_slot(region)] =
			(struct medes_guess_slide) { region, word - guess->base };
	}
}

/* The way that takes least, and the number of what was told before, if it was. */
static unsigned int best_way(struct medes_guess_work *work, const struct guess *guess, u64 word,
			     unsigned int *number)
{
	u64 delta = word - guess->word;
	unsigned int ways = 1 << MEDES_TELL_PLAIN | 1 << MEDES_TELL_TEXT, least = ~0U;
	unsigned int best = MEDES_TELL_PLAIN, tell, found[MEDES_TELL_REGION + 1];

	found[MEDES_TELL_VALUE] = ring_find(&work->before[MEDES_TELL_VALUE], word);
	found[MEDES_TELL_DELTA] = ring_find(&work->before[MEDES_TELL_DELTA], delta);
	found[MEDES_TELL_REGION] = ring_find(&work->before[MEDES_TELL_REGION],
					     word >> MEDES_TOLD_REGION_SHIFT);
	for (tell = 0; tell <= MEDES_TELL_REGION; tell++)
		ways |= (found[tell] < MEDES_TELL_BEFORE) << tell;
	ways |= (medes_signed_size(delta) <= MEDES_TELL_SIZES) << MEDES_TELL_STEP;
	ways |= !(u32)delta << MEDES_TELL_HIGH;
	ways |= (medes_signed_size(word - work->last) <= MEDES_TELL_SIZES) << MEDES_TELL_NEAR;
	ways |= (!(delta % MEDES_PAGE_SIZE) &&
		 medes_signed_size((s64)delta >> MEDES_PAGES_SHIFT) <= MEDES_TELL_SIZES + 1) <<
		MEDES_TELL_SLIDE;
	for (tell = 0; tell < MEDES_TELL_KINDS; tell++) {
		struct medes_coder scale = { 0 };
		unsigned int n = tell <= MEDES_TELL_REGION ? found[tell] : 0;

		if (!(ways >> tell & 1))
			continue;
		choose_tell(work, &scale, MEDES_WEIGH, guess->is, tell);
		code_as(work, &scale, MEDES_WEIGH, guess, tell, &n, word);
		if (scale.weight < least) {
			least = scale.weight;
			best = tell;
			*number = n;
		}
	}
	return best;
}

static __always_inline u64 code_word(struct medes_guess_work *work, struct medes_coder *coder,
				     enum medes_coding how, u64 base, u64 word)
{
	struct guess its = guess(work, base);
	unsigned int tell = 0, number = 0, missed;
	medes_odds *odds = &work->odds.flag[its.is][(work->missed[its.is] & LATEST) << 2 |
						    (work->any & LATEST)];

	missed = code_flag(work, coder, how, odds, word != its.word);
	work->missed[its.is] = work->missed[its.is] << 1 | missed;
	work->any = work->any << 1 | missed;
	if (!missed)
		return its.word;
	if (how == MEDES_WRITE)
		tell = best_way(work, &its, word, &number);
	tell = choose_tell(work, coder, how, its.is, tell);
	word = code_as(work, coder, how, &its, tell, &number, word);
	learn(work, &its, tell, number, word);
	return word;
}

/* The words of a page; who reads finds those that it resembles in their place. */
static __always_inline void code_page(struct medes_guess_work *work, enum medes_coding how,
				      u64 *page, const u64 *like)
{
	struct medes_coder coder = work->coder;
	unsigned int i, k;

	for (i = 0; i < MEDES_PAGE_WORDS; i += GROUP) {
		u64 differ = 0, some = 0;
		bool address = false;
		unsigned int missed;

		for (k = 0; k < GROUP; k++) {
			some |= like[i + k];
			address |= medes_is_address(like[i + k]);
		}
		if (how == MEDES_WRITE)
			for (k = 0; k < GROUP; k++)
				differ |= guess(work, like[i + k]).word ^ page[i + k];
		missed = code_flag(work, &coder, how,
				   &work->odds.group[!!some + address][work->groups & 15],
				   !!differ);
		work->groups = work->groups << 1 | missed;
		if (!missed) {
			/* most groups: a loop of their own */
			for (k = 0; k < GROUP && how == MEDES_READ && address; k++)
				page[i + k] = guess(work, like[i + k]).word;
			continue;
		}
		for (k = 0; k < GROUP; k++) {
			u64 word = code_word(work, &coder, how, like[i + k], page[i + k]);

			if (how == MEDES_READ)
				page[i + k] = word;
		}
	}
	work->coder = coder;
}

static void begin(struct medes_guess_work *work, unsigned int prior)
{
	memcpy(&work->odds, medes_guess_priors[prior].odds, sizeof(work->odds));
	work->choice = work->choices[prior];
	memset(work->page, 0, offsetof(struct medes_guess_work, coder) -
			      offsetof(struct medes_guess_work, page));
}

/**
 * medes_guess_init() - make ready to guess
 * @work: to set up
 *
 * Context: any.
 */
void medes_guess_init(struct medes_guess_work *work)
{
	unsigned int prior, after, bits, octet, next, i;

	for (prior = 0; prior < MEDES_PRIORS; prior++)
		for (i = 0; i < MEDES_CHOICES; i++)
			medes_choice_init(&work->choices[prior][i],
					  medes_guess_priors[prior].bits[i]);
	memset(&work->text, 0, sizeof(work->text));
	for (after = 0; after < MEDES_TEXT_AFTER; after++) {
		/* codes in ascending order, the short ones first */
		for (next = 0, bits = 1; bits <= MEDES_TEXT_BITS; bits++) {
			for (octet = 0; octet < 256; octet++) {
				if (medes_text_bits[after][octet] != bits)
					continue;
				work->text.code[after][octet] = next >> (MEDES_TEXT_BITS - bits);
				for (i = 0; i < 1U << (MEDES_TEXT_BITS - bits); i++, next++) {
					work->text.of[after][next].octet = octet;
					work->text.of[after][next].bits = bits;
				}
			}
		}
	}
	work->seen = NULL;
}

/**
 * medes_guess_write() - tell a page by one that it resembles
 * @work: scratch space
 * @prior: which of them to begin with
 * @page: 4096 bytes, 8-byte aligned
 * @like: 4096 bytes, likewise
 * @record: receives what tells it
 * @room: bytes of @record
 *
 * Context: any.
 * Return: length of @record, or -E2BIG when there is no room.
 */
int medes_guess_write(struct medes_guess_work *work, unsigned int prior, const void *page,
		      const void *like, u8 *record, int room)
{
	if (room <= 0)
		return -E2BIG;
	begin(work, prior);
	medes_coder_write(&work->coder, record, room);
	code_page(work, MEDES_WRITE, (u64 *)page, like);
	return medes_coder_written(&work->coder);
}

/**
 * medes_guess_read() - make a page of one that it resembles
 * @work: scratch space
 * @prior: with which it was written, below MEDES_PRIORS
 * @record: what tells it; nothing is assumed of it, but that 8 bytes behind it may be
 *	read, too
 * @len: its length
 * @page: 4096 bytes, 8-byte aligned, that hold the other page; receives the page
 *
 * Context: any.
 * Return: 0, or -EBADMSG when @record is malformed.
 */
int medes_guess_read(struct medes_guess_work *work, unsigned int prior, const u8 *record,
		     size_t len, void *page)
{
	begin(work, prior);
	medes_coder_read(&work->coder, record, len);
	code_page(work, MEDES_READ, page, page);
	return medes_coder_is_read(&work->coder) ? 0 : -EBADMSG;
}
