package textnet

import (
	"strings"

	"github.com/omni-run/omni/internal/ml/text"
)

// Ids that stand for emoticons: places that BERT's vocabulary leaves unused.
const (
	PadID      int32 = 0
	PositiveID int32 = 1
	NegativeID int32 = 2
)

var emoticons = newEmoticons()

// newEmoticons lists the marks that carry a feeling whatever the words say.
func newEmoticons() map[rune][]mark {
	table := map[rune][]mark{}
	add := func(id int32, list string) {
		for _, s := range strings.Fields(list) {
			first := []rune(s)[0]
			table[first] = append(table[first], mark{s, id})
		}
	}
	// Longer ones first where one begins another.
	add(PositiveID, `:-)) :-) :)) :) :-D :D =) =D ;-) ;) ^_^ :-] :] <3 XD xD :-P :P :-p :p (: \o/
		😀 😃 😄 😁 😆 😅 😂 🤣 😊 😇 🙂 😉 😌 😍 🥰 😘 😗 😙 😚 😋 😛 😜 🤪 🤗 🤩 🥳 😎 😺 😸 😻 👍 👏 🙌 💪 🎉 🎊 ❤ 🧡 💛 💚 💙 💜 🖤 🤎 💕 💖 💗 💓 💞 💝 💘 ✨ 🔥 💯 👌 🙏 🏆 ⭐ 🌟 ♥ ♡ ❣ 😹 😽 ☺ ☀ ✅ 🤝 🫶`)
	add(NegativeID, `:-(( :-( :(( :( :'-( :'( =( :-/ :/ :-| >:( D: </3 :-[ :[ -_- ):
		😞 😔 😟 😕 🙁 ☹ 😣 😖 😫 😩 🥺 😢 😭 😤 😠 😡 🤬 😱 😨 😰 😥 😓 😒 🙄 😬 😑 👎 💔 🤢 🤮 😷 🤦 😾 😿 💩 🖕 ❌ 😪 😳 🤡`)
	return table
}

type mark struct {
	text string
	id   int32
}

// AppendTokens appends the ids of s to dst: word pieces, and one of the ids
// above for each emoticon or emoji known to carry a feeling. At most limit ids
// are appended (limit <= 0: all).
func AppendTokens(dst []int32, words *text.WordPiece, s string, limit int) []int32 {
	end := int(^uint(0) >> 1)
	if limit > 0 {
		end = len(dst) + limit
	}
	from, skip := 0, 0
	previous := ' '
	for i, r := range s {
		if i < skip {
			continue
		}
		m, ok := markAt(s[i:], r, previous)
		previous = r
		if !ok {
			continue
		}
		if from < i && len(dst) < end {
			dst = words.Append(dst, s[from:i], end-len(dst))
		}
		if len(dst) >= end {
			return dst[:end]
		}
		dst = append(dst, m.id)
		from = i + len(m.text)
		skip = from
		previous = ' '
	}
	if from < len(s) && len(dst) < end {
		dst = words.Append(dst, s[from:], end-len(dst))
	}
	return dst
}

// markAt reports the emoticon at the start of s. One made of ASCII must not
// stand inside a word, a number or an address: "http://", "(x:)" and "3:/" are
// left alone.
func markAt(s string, r, previous rune) (mark, bool) {
	for _, m := range emoticons[r] {
		if !strings.HasPrefix(s, m.text) {
			continue
		}
		if r < 0x80 {
			if wordRune(previous) && (r == 'X' || r == 'x' || r == 'D' || r == ':' && m.text[len(m.text)-1] == '/' || r == '-' || r == ')' || r == '(') {
				continue
			}
			if rest := s[len(m.text):]; rest != "" && (wordRune(rune(rest[0])) || rest[0] == '/') {
				continue
			}
		}
		return m, true
	}
	return mark{}, false
}

func wordRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}
