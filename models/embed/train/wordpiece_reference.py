"""Writes internal/ml/text/testdata/wordpiece.json: reference ids of the teacher's
own tokeniser (Hugging Face tokenizers) for a list of awkward texts. Special
tokens spelled out in a text are left aside: ours are never read from callers."""
import json
import random
import sys

import teacher

TEXTS = [
    "", " ", "Hello, world!", "I can't believe it's not butter...", "The food was NOT good.", "naïve café résumé Zürich",
    "Ünïcödé ÀÉÎÕÜ ß ẞ İstanbul ıI", "e\u0301 combining a\u0300\u0323", "日本語のテキスト", "漢字kanji混ざる", "한국어 텍스트입니다", "Привет, как дела?",
    "مرحبا بالعالم", "हिन्दी में पाठ", "ไทยภาษา", "emoji 😀 🎉👍🏽 :) <3", "tab\tnew\nline\r\nend", "non\u00a0breaking\u2003space\u200bzero\u00adwidth",
    "null\x00byte \x07bell \ufffd replacement", "a" * 100, "a" * 101, "supercalifragilisticexpialidocious antidisestablishmentarianism",
    "e-mail: foo.bar@example.com https://example.com/a?b=c#d", "$1,234.56 €99 50% 3.14 1e-9", "##ing #tag @user _under_score_ [x]",
    "“quotes” ‘single’ — dash – en … «guillemets»", "ﬁ ligature ½ ² ™ ©", "ＦＵＬＬ　ＷＩＤＴＨ", "Straße GROSSE", "ΑΒΓ αβγ ΌΣΟΣ", "xqzjv wkpfh", "𝐁𝐨𝐥𝐝 math", "\u2028line sep\u2029",
    "don't you'd we'll I'm o'clock rock'n'roll", "C++ C# .NET node.js v1.2.3-rc4", "Ǆ ǅ ŉ ǰ", "あぁアァ ﾊﾝｶｸ", "\U000e0041tags \ue000private",
]


def main(out):
    tok = teacher.tokenizer()
    rng = random.Random(1)
    texts = list(TEXTS)
    ranges = [(32, 126)] * 6 + [(160, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x600, 0x6FF), (0x900, 0x97F), (0x2000, 0x206F), (0x3000, 0x30FF), (0x4E00, 0x4EFF), (0xAC00, 0xACFF), (0x1F600, 0x1F64F)]
    for _ in range(150):
        texts.append("".join(chr(rng.randint(*rng.choice(ranges))) for _ in range(rng.randint(1, 40))).replace("\u061d", ""))  # punctuation only since Unicode 14
    json.dump([{"text": t, "ids": tok.encode(t, add_special_tokens=False).ids} for t in texts], open(out, "w"), separators=(",", ":"))


if __name__ == "__main__":
    main(sys.argv[1])
