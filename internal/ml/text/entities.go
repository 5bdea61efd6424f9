package text

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Entity is a mention of something by name or number.
type Entity struct {
	Text  string
	Label string
	// Start and End are byte offsets in the text it came from.
	Start, End int
}

// The labels of entities. They follow from how a mention is written; nothing
// here knows the world, so a name is a NAME unless its form says more.
const (
	LabelEmail   = "EMAIL"
	LabelURL     = "URL"
	LabelMoney   = "MONEY"
	LabelPercent = "PERCENT"
	LabelDate    = "DATE"
	LabelTime    = "TIME"
	LabelPhone   = "PHONE"
	LabelHandle  = "HANDLE"
	LabelHashtag = "HASHTAG"
	LabelProduct = "PRODUCT"
	LabelPerson  = "PERSON"
	LabelOrg     = "ORG"
	LabelName    = "NAME"
)

const (
	month = `(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)`
	day   = `(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day`
)

// patterns in order of precedence: an earlier one keeps what it found.
var patterns = []struct {
	label string
	form  *regexp.Regexp
}{
	{LabelURL, regexp.MustCompile(`\b(?:https?://|www\.)[^\s<>"')\]]+[^\s<>"')\].,;:!?]`)},
	{LabelEmail, regexp.MustCompile(`\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.[A-Za-z]{2,}\b`)},
	{LabelMoney, regexp.MustCompile(`(?:[$€£¥₹]|\b(?:USD|EUR|GBP|JPY|CHF|US\$)) ?\d[\d,]*(?:\.\d+)?(?: ?(?:k|m|bn|million|billion|thousand)\b)?|\b\d[\d,]*(?:\.\d+)? ?(?:(?:thousand|million|billion) )?(?:dollars?|euros?|pounds|yen|rupees|USD|EUR|GBP|[€£])`)},
	{LabelPercent, regexp.MustCompile(`\b\d+(?:[.,]\d+)? ?(?:%|percent\b|per cent\b)`)},
	{LabelDate, regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[/.]\d{1,2}[/.]\d{2,4}\b|\b` + month + `\.? \d{1,2}(?:st|nd|rd|th)?(?:,? \d{4})?\b|\b\d{1,2}(?:st|nd|rd|th)? (?:of )?` + month + `(?: \d{4})?\b|\b` + month + ` \d{4}\b|\b` + day + `\b|\b(?i:yesterday|today|tomorrow|tonight)\b|\b(?i:(?:last|next|this) (?:week|month|year|` + day + `))\b`)},
	{LabelTime, regexp.MustCompile(`\b\d{1,2}:\d{2}(?::\d{2})?(?: ?[AaPp]\.?[Mm]\b)?|\b\d{1,2} ?[AaPp]\.?[Mm]\b|\b\d{1,2} o'clock\b`)},
	{LabelPhone, regexp.MustCompile(`\+\d{1,3}[ -]?\(?\d{1,4}\)?(?:[ -]?\d{2,4}){2,4}\b|\(\d{3}\) ?\d{3}-\d{4}\b|\b\d{3}-\d{3}-\d{4}\b`)},
	{LabelHandle, regexp.MustCompile(`\B@[A-Za-z_][A-Za-z0-9_]{1,30}\b`)},
	{LabelHashtag, regexp.MustCompile(`\B#[\pL_][\pL\pN_]{1,60}`)},
	{LabelProduct, regexp.MustCompile(`\b(?:i[A-Z][a-z]+(?: (?:\d+|Pro|Max|Mini|Plus|Air|Ultra))*|(?:[A-Z][A-Za-z]+ )?(?:[A-Z]+[a-z]*-?\d+[A-Za-z]{0,4}(?:-[A-Z0-9]+)*)(?: (?:Pro|Max|Mini|Plus|Ultra|Ti))*)\b`)},
}

// Entities finds mentions by their form: addresses, amounts, dates and the like
// by pattern, names by capital letters where these are not owed to the start of
// a sentence. At most limit are returned, in the order of the text.
func Entities(s string, limit int) []Entity {
	if limit <= 0 {
		return nil
	}
	taken := make([]bool, len(s))
	var out []Entity
	add := func(e Entity) {
		if len(out) >= limit || slices.Contains(taken[e.Start:e.End], true) {
			return
		}
		for i := e.Start; i < e.End; i++ {
			taken[i] = true
		}
		out = append(out, e)
	}
	for _, p := range patterns {
		for _, m := range p.form.FindAllStringIndex(s, limit) {
			add(Entity{s[m[0]:m[1]], p.label, m[0], m[1]})
		}
	}
	for _, e := range names(s) {
		add(e)
	}
	slices.SortFunc(out, func(a, b Entity) int { return cmp.Compare(a.Start, b.Start) })
	return out
}

// names finds runs of capitalised words.
func names(s string) []Entity {
	var out []Entity
	for _, sentence := range Sentences(s) {
		words := Words(sentence.Text)
		if shouted(words) {
			continue
		}
		for i := 0; i < len(words); {
			j := i
			for j < len(words) && capitalised(words[j].Text) && (j == i || adjoining(words[j-1].Text, sentence.Text[words[j-1].End:words[j].Start])) {
				j++
			}
			if j == i {
				i++
				continue
			}
			if e, ok := name(sentence, words, i, j); ok {
				out = append(out, e)
			}
			i = j
		}
	}
	return out
}

// adjoining reports whether what stands between two words keeps them in one
// name: a space, or the full stop of a title.
func adjoining(before, between string) bool {
	_, title := titles[strings.ToLower(before)]
	return between == " " || title && between == ". "
}

// name judges the capitalised words i … j-1 of a sentence.
func name(sentence Sentence, words []Word, i, j int) (Entity, bool) {
	label := LabelName
	for i < j {
		lower := strings.ToLower(words[i].Text)
		if _, ok := titles[lower]; ok && i+1 < j {
			label = LabelPerson
			i++
			continue
		}
		// A first word may be capitalised only for being first, and "I'm" and
		// "The" are never names.
		if IsStopWord(strings.ReplaceAll(lower, "’", "'")) || notNames(lower) || (i == 0 && j == 1) {
			i++
			continue
		}
		break
	}
	if i >= j {
		return Entity{}, false
	}
	if _, ok := companies[strings.ToLower(words[j-1].Text)]; ok && j-i > 1 {
		label = LabelOrg
	}
	from, to := words[i].Start, words[j-1].End
	said := strings.TrimSuffix(strings.TrimSuffix(sentence.Text[from:to], "'s"), "’s")
	return Entity{said, label, sentence.Start + from, sentence.Start + from + len(said)}, true
}

func capitalised(w string) bool {
	r, _ := utf8.DecodeRuneInString(w)
	return unicode.IsUpper(r)
}

// shouted reports whether most words are in capitals throughout, so that
// capitals tell nothing.
func shouted(words []Word) bool {
	upper := 0
	for _, w := range words {
		if capitalised(w.Text) {
			upper++
		}
	}
	return len(words) > 3 && upper*5 > len(words)*4
}

func notNames(lower string) bool {
	_, ok := plainWords[lower]
	return ok
}

var (
	titles     = newSet("mr mrs ms miss dr prof sir madam")
	companies  = newSet("inc ltd corp llc gmbh ag plc co company bank university corporation group")
	plainWords = newSet(`ok okay yes great good bad love hate thanks thank hello hi dear please wow terrible awful amazing best worst
monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december however
also maybe still never always even but and or overall honestly unfortunately fortunately`)
)
