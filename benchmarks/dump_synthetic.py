#!/usr/bin/env python3
"""Writes a synthetic dump of Reddit submissions, as NDJSON, to standard output.

    dump_synthetic.py BYTES [SEED] | zstd --long=27 > dump.zst

Lines have the fields that Pushshift writes. Three in ten belong to other subreddits, a quarter of
the rest is removed or deleted; the rest has links, edits, TL;DRs, entities and user names as often
as people write them, and some are posted twice. Texts are words drawn at random: the commonest
English words as often as in English, the others made of syllables, so that the text compresses
about as well as English does and no post is like another.
"""
import random
import sys
from array import array

COMMON = (
    "the:50 to:32 and:30 i:45 a:26 my:25 of:20 in:16 was:16 that:15 it:15 me:14 her:14 she:14 is:13 "
    "for:12 he:12 but:10 with:10 so:9 have:9 had:8 on:8 this:8 not:8 they:8 we:8 be:7 you:7 as:6 "
    "at:6 if:6 said:6 just:6 him:6 his:6 because:5 would:5 when:5 about:5 do:5 all:5 are:5 like:4 "
    "what:4 get:4 out:4 up:4 told:4 from:4 been:4 were:3 no:3 don't:3 i'm:3 can:3 there:3 or:3 "
    "know:3 their:3 them:3 time:3 want:3 who:3 one:3 how:3 never:2 mom:2 friend:2 didn't:2"
)
OTHER_SUBREDDITS = ["AskReddit", "funny", "relationship_advice", "pics", "legaladvice", "gaming"]
OPENINGS = ["AITA for", "WIBTA if I", "AITA because I", "Am I the asshole for", "AITAH for"]


def word_table(rng):
    """65,536 words, each as often as it is to be drawn, so that two random bytes draw one."""
    table = []
    for entry in COMMON.split():
        word, weight = entry.split(":")
        table += [word] * (int(weight) * 55)
    syllables = [a + b for a in "b c d f g h l m n p r s t st pr ch".split() for b in "a e i o u er an in".split()]
    rank = 1
    while len(table) < 65536:
        word = "".join(rng.choice(syllables) for _ in range(rng.choice((1, 2, 2, 2, 3, 3))))
        word += rng.choice(("", "", "", "", ",", ",", ".", "."))
        table += [word] * max(1, 160 // rank)
        rank += 1
    return table[:65536]


def main():
    size = int(float(sys.argv[1]))
    rng = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    table = word_table(rng)
    draw = table.__getitem__

    def words(count):
        return " ".join(map(draw, array("H", rng.randbytes(2 * count))))

    def post():
        left = int(min(2500, rng.lognormvariate(5.55, 0.6)))
        parts = []
        while left > 0:
            parts.append(words(min(left, rng.randint(30, 120))).capitalize() + ".")
            left -= 75
        if rng.random() < 0.08:
            parts.append("TL;DR: " + words(20) + ".")
        if rng.random() < 0.12:
            parts.append("**Edit:** " + words(30) + " thank you all, I am NTA.")
        text = "\\n\\n".join(parts)
        if rng.random() < 0.2:
            text = text.replace(" said ", " said, \\\"" + words(4) + "\\\" and ", 2)
        if rng.random() < 0.15:
            text = text.replace(" and ", " &amp; ", 1)
        if rng.random() < 0.04:
            text = text.replace(" it ", " [this](https://example.com/a?b=1) ", 1)
        if rng.random() < 0.3:
            text = text.replace("'", "\u2019")
        return text

    out = sys.stdout.buffer
    written = number = 0
    last = post()
    while written < size:
        batch = []
        for _ in range(256):
            number += 1
            name = np36(0x20000000 + number)
            other = rng.random() < 0.3
            subreddit = rng.choice(OTHER_SUBREDDITS) if other else "AmItheAsshole"
            title = (words(9) if other else rng.choice(OPENINGS) + " " + words(10)).capitalize()
            if not other and rng.random() < 0.02:
                title = "UPDATE: " + title
            draw_kind = rng.random()
            removed = "null"
            if draw_kind < 0.15:
                text, removed = "[removed]", '"moderator"'
            elif draw_kind < 0.25:
                text = "[deleted]"
            elif draw_kind < 0.26:
                text = last
            else:
                text = last = post()
            permalink = f"/r/{subreddit}/comments/{name}/{title.lower().replace(' ', '_')[:50]}/"
            created = 1500000000 + number * 37
            batch.append(
                f'{{"all_awardings":[],"author":"user_{rng.randrange(10**8)}",'
                f'"author_flair_css_class":null,"author_flair_text":null,'
                f'"author_fullname":"t2_{np36(rng.randrange(36**6))}","can_mod_post":false,'
                f'"contest_mode":false,"created_utc":{created},"domain":"self.{subreddit}",'
                f'"full_link":"https://www.reddit.com{permalink}","gilded":0,"id":"{name}",'
                f'"is_self":true,"is_video":false,"link_flair_text":"Asshole","locked":false,'
                f'"num_comments":{rng.randrange(400)},"num_crossposts":0,"over_18":false,'
                f'"permalink":"{permalink}","pinned":false,"removed_by_category":{removed},'
                f'"retrieved_on":{created + 86400},"score":{int(rng.paretovariate(0.7))},'
                f'"selftext":"{text}","spoiler":false,"stickied":false,"subreddit":"{subreddit}",'
                f'"subreddit_id":"t5_2xhvq","subreddit_subscribers":1400000,"thumbnail":"self",'
                f'"title":"{title}","total_awards_received":0,"url":"https://www.reddit.com{permalink}"}}\n'
            )
        data = "".join(batch).encode()
        out.write(data)
        written += len(data)


def np36(number):
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits


main()
