package text

import "strings"

// functionWords are the commonest words of the commonest languages of Latin
// script, those left out that are common in English too. A handful of them
// tells a language from a sentence, where letter triples need a paragraph.
var functionWords = map[string]string{
	"de": "und der die das ist nicht ich ein eine einen mit für auf den dem wir sie es sehr auch aber wurde waren haben habe hat wie oder kein keine mein meine diese dieser dieses nur noch schon zu vom zum bei",
	"fr": "le la les des est pas je une dans pour avec ce cette nous vous ils elle très mais ou où sont été avait mon ma mes c'est j'ai n'est qui que et du au aux sur plus tout il",
	"es": "el la los las es una muy pero para por con que no lo mi su este esta estos son fue está están y yo nos como más del al se me encanta tengo hay todo también",
	"it": "il lo la gli le è una molto ma per con che non mi questo questa sono era anche come più del della dei nel ho abbiamo ed si tutto",
	"pt": "o os as é uma muito mas para por com que não eu meu minha este esta isso são foi está também mais do da dos das na ao se tudo ótimo",
	"nl": "het een en van ik niet dat met voor op zijn maar ook heel erg mijn deze dit wij ze wordt werd naar er bij geen nog heeft",
	"sv": "och det att jag är inte en som på för med den har mycket men också mitt min detta var från så till",
	"pl": "nie się jest to na że w z i ale bardzo jak mój moja ten ta do od po przez był było są co",
}

var languagesOf = newLanguagesOf()

// newLanguagesOf turns functionWords round: a word to its languages.
func newLanguagesOf() map[string][]string {
	out := map[string][]string{}
	for language, list := range functionWords {
		for w := range strings.FieldsSeq(list) {
			out[w] = append(out[w], language)
		}
	}
	return out
}

// byFunctionWords names the language most of whose function words a text
// holds, and how many; "" where two hold as many.
func byFunctionWords(words []Word) (language string, held int) {
	count := map[string]int{}
	for _, w := range words {
		for _, l := range languagesOf[strings.ToLower(strings.ReplaceAll(w.Text, "’", "'"))] {
			count[l]++
		}
	}
	for l, n := range count {
		switch {
		case n > held:
			language, held = l, n
		case n == held:
			language = ""
		}
	}
	return language, held
}
