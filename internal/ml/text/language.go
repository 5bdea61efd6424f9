package text

import (
	"strings"
	"unicode"

	"github.com/RadhiFadlillah/whatlanggo"
)

// Undetermined is the code of a text that shows no language (ISO 639-2).
const Undetermined = "und"

// Language guesses the language of s and how sure that is, between 0 and 1.
// The code is of ISO 639-1 where there is one. Scripts are told apart safely;
// languages of the Latin script by their function words, else by the frequency
// of letter triples, which says little about a few words: then the guess is
// English, at 0.5 or below.
func Language(s string) (code string, confidence float64) {
	english, letters, latin := 0, 0, 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			letters++
			if unicode.Is(unicode.Latin, r) {
				latin++
			}
		}
	}
	if letters == 0 {
		return Undetermined, 0
	}
	sample := clipRunes(s, 2000)
	all := Words(sample)
	words := len(all)
	for _, w := range all {
		if IsStopWord(strings.ToLower(strings.ReplaceAll(w.Text, "’", "'"))) {
			english++
		}
	}
	if latin*2 < letters {
		// Two letters more tell Russian from its neighbours than triples do.
		if lower := strings.ToLower(sample); strings.ContainsAny(lower, "ыэ") && !strings.ContainsAny(lower, "іїєґ") {
			return "ru", 0.9
		}
		info := whatlanggo.DetectWithOptions(sample, whatlanggo.Options{Whitelist: otherLanguages()})
		return languageCode(info.Lang), min(1, max(0.7, info.Confidence))
	}
	if language, held := byFunctionWords(all); language != "" && held >= 2 && held > english {
		return language, min(0.95, 0.5+float64(held)/float64(words))
	}
	share := float64(english) / float64(max(1, words))
	info := whatlanggo.DetectWithOptions(sample, whatlanggo.Options{Whitelist: latinLanguages()})
	switch {
	case info.Lang == whatlanggo.Eng:
		return "en", min(1, max(info.Confidence, 0.4+share))
	case share >= 0.25:
		return "en", min(0.95, 0.5+share)
	case words < 4 || letters < 18:
		return "en", min(0.5, 0.3+share)
	case info.Confidence < 0.5 && share > 0:
		return "en", 0.4
	}
	return languageCode(info.Lang), info.Confidence
}

func languageCode(l whatlanggo.Lang) string {
	if l < 0 {
		return Undetermined
	}
	if code := l.Iso6391(); code != "" {
		return code
	}
	return l.Iso6393()
}

// latinLanguages are those told apart: the more there are, the more often a
// short text falls to a rare one.
func latinLanguages() map[whatlanggo.Lang]bool {
	return map[whatlanggo.Lang]bool{
		whatlanggo.Eng: true, whatlanggo.Deu: true, whatlanggo.Fra: true, whatlanggo.Spa: true, whatlanggo.Ita: true,
		whatlanggo.Por: true, whatlanggo.Nld: true, whatlanggo.Swe: true, whatlanggo.Dan: true, whatlanggo.Nob: true,
		whatlanggo.Pol: true, whatlanggo.Tur: true, whatlanggo.Fin: true, whatlanggo.Ron: true, whatlanggo.Ces: true,
		whatlanggo.Hun: true, whatlanggo.Ind: true, whatlanggo.Vie: true,
	}
}

// otherLanguages are those of other scripts, for the same reason.
func otherLanguages() map[whatlanggo.Lang]bool {
	return map[whatlanggo.Lang]bool{
		whatlanggo.Rus: true, whatlanggo.Ukr: true, whatlanggo.Bul: true, whatlanggo.Ell: true,
		whatlanggo.Arb: true, whatlanggo.Pes: true, whatlanggo.Urd: true, whatlanggo.Heb: true, whatlanggo.Hin: true,
		whatlanggo.Ben: true, whatlanggo.Tam: true, whatlanggo.Tel: true, whatlanggo.Tha: true, whatlanggo.Kat: true,
		whatlanggo.Cmn: true, whatlanggo.Jpn: true, whatlanggo.Kor: true,
	}
}

// clipRunes returns the first n bytes of s, to the last whole rune.
func clipRunes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n]
}
