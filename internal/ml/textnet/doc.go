// Package textnet classifies short texts with a small convolutional network
// over token vectors (Kim, 2014): each filter looks at one to four
// neighbouring tokens, the strongest response over the text counts, and a
// linear layer turns the responses into classes. Training is done outside
// (models/sentiment/train); this is the forward pass.
package textnet
