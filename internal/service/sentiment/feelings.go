package sentiment

import (
	"strings"

	"github.com/omni-run/omni/internal/ml/embed"
	"github.com/omni-run/omni/internal/ml/text"
)

// emotions in the order in which ties fall.
var emotions = [...]string{"joy", "sadness", "anger", "fear", "disgust", "surprise"}

const (
	joy = iota
	sadness
	anger
	fear
	disgust
	surprise
)

// prototypeWeight is what likeness to an emotion's words counts beside one
// word found.
const prototypeWeight = 3

// feelings tells emotions: by words of our own list, unless negated, and by
// how like the text's embedding is to that of each emotion's words. The sign
// of the text decides which emotions are open to it.
type feelings struct {
	embedding  *embed.Model
	words      map[string]int // word → emotion
	marks      map[rune]int   // emoji → emotion
	prototypes [len(emotions)][]float32
}

func newFeelings(m *embed.Model) *feelings {
	f := &feelings{embedding: m, words: map[string]int{}, marks: map[rune]int{}}
	for e, list := range emotionWords {
		for w := range strings.FieldsSeq(list) {
			f.words[w] = e
		}
		f.prototypes[e] = m.Embed(list, nil)
	}
	for e, list := range emotionMarks {
		for _, r := range list {
			f.marks[r] = e
		}
	}
	return f
}

// of names the emotion of a text whose sign is already known.
func (f *feelings) of(s string, p probabilities) string {
	var score [len(emotions)]float64
	found := f.count(s, &score)
	sign := p.label()
	if sign == neutral && !found {
		return "neutral"
	}
	// Any text is somewhat like the words of surprise: only saying one counts.
	surprising := score[surprise] > 0
	v := f.embedding.Embed(s, nil)
	for e := range score {
		score[e] += prototypeWeight * float64(embed.Dot(v, f.prototypes[e]))
	}
	best, name := 0.0, "neutral"
	for e, x := range score {
		if open(e, sign) && (e != surprise || surprising) && (name == "neutral" || x > best) {
			best, name = x, emotions[e]
		}
	}
	return name
}

// open reports whether a text of a sign can hold an emotion.
func open(emotion, sign int) bool {
	switch sign {
	case positive:
		return emotion == joy || emotion == surprise
	case negative:
		return emotion != joy
	}
	return true
}

// count adds one for each word and emoji of an emotion. A word after a
// negation does not count.
func (f *feelings) count(s string, score *[len(emotions)]float64) bool {
	found, denied := false, 0
	for _, w := range text.Words(s) {
		lower := strings.ToLower(strings.ReplaceAll(w.Text, "’", "'"))
		if lower == "not" || lower == "no" || lower == "never" || lower == "without" || lower == "hardly" || strings.HasSuffix(lower, "n't") {
			denied = 3
			continue
		}
		if e, ok := f.words[lower]; ok && denied == 0 {
			score[e]++
			found = true
		}
		denied = max(0, denied-1)
	}
	for _, r := range s {
		if e, ok := f.marks[r]; ok {
			score[e]++
			found = true
		}
	}
	return found
}

var emotionWords = [len(emotions)]string{
	joy: `joy joyful happy happily happiness glad delighted delight delightful pleased pleasure love loved loving lovely adore enjoy enjoyed enjoying
enjoyable fun funny laugh laughing laughter smile smiling cheerful cheer celebrate celebration excited exciting thrilled wonderful fantastic great amazing
awesome grateful thankful blessed proud hope hopeful optimistic content satisfied bliss blissful hilarious merry jolly yay win won birthday beautiful excellent perfect`,
	sadness: `sad sadly sadness unhappy depressed depressing depression miserable misery grief grieve mourn mourning sorrow sorrowful cry crying cried
tears tearful heartbroken heartbreak heartbreaking lonely loneliness alone lost loss miss missed missing gloomy gloom hopeless despair disappointed disappointing
disappointment regret melancholy upset hurt hurting pain painful tragic tragedy died death dead sorry unfortunately bleak blues dull serious lament pine weary`,
	anger: `angry anger angrily mad furious fury rage raging outrage outraged outrageous annoyed annoying annoy irritated irritating irritate frustrated
frustrating frustration hate hated hating hatred resent resentment hostile offended offensive insult insulting rude unacceptable ridiculous scam stupid idiot
idiots livid infuriating infuriated bitter fuming bully revenge fight fuming complain complaint pissed damn hell ignored cheat cheated liar lies lied`,
	fear: `fear fearful afraid scared scary scare frightened frightening terrified terrifying terror horror horrified panic panicked panicking anxious anxiety
worry worried worrying nervous dread dreadful nightmare threat threatened threatening danger dangerous alarm alarmed alarming unsafe tremble trembling shaking
petrified paranoid insecure phobia concerned risk risky haunted`,
	disgust: `disgust disgusted disgusting gross nasty vile revolting repulsive sickening sickened sick nauseating nausea vomit puke filthy dirty rotten stinks stink
stinking smelly smelled mouldy moldy cockroach cockroaches maggots slimy yuck ew eww foul hideous loathe loathing loathsome repugnant contaminated`,
	surprise: `surprise surprised surprising surprisingly astonished astonishing astonishment amazed shocked shocking shock stunned unexpected unexpectedly wow
whoa omg unbelievable incredible incredibly startled speechless suddenly astounding astounded gasp jaw-dropping`,
}

var emotionMarks = [len(emotions)]string{
	joy:      "😀😃😄😁😆😂🤣😊🙂😍🥰😘🤗🤩🥳😎👍🎉❤♥💕💖",
	sadness:  "😞😔😟🙁☹😢😭💔😿🥺",
	anger:    "😤😠😡🤬👎🖕",
	fear:     "😱😨😰😧😬",
	disgust:  "🤢🤮💩",
	surprise: "😮😯😲🤯😳",
}
