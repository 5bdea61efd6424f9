// Package text turns strings into what the language models work on: word
// pieces, words with offsets, sentences with offsets; and finds what can be
// found by rule: the language, keywords, entities. It knows no service, no
// tenant and no file.
package text
