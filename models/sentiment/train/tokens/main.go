// Command tokens reads lines of text on its input and writes, for each, the
// token ids that the classifier sees, so that training and serving share one
// tokeniser:
//
//	go run ./models/sentiment/train/tokens < texts > ids
package main

import (
	"bufio"
	"fmt"
	"os"
	"strconv"

	"github.com/omni-run/omni/internal/ml/textnet"
	"github.com/omni-run/omni/models/embed"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	model, err := embed.Default()
	if err != nil {
		return err
	}
	in, out := bufio.NewScanner(os.Stdin), bufio.NewWriter(os.Stdout)
	in.Buffer(nil, 1<<24)
	var ids []int32
	for in.Scan() {
		ids = textnet.AppendTokens(ids[:0], model.WordPiece(), in.Text(), 256)
		for i, id := range ids {
			if i > 0 {
				out.WriteByte(' ')
			}
			out.WriteString(strconv.Itoa(int(id)))
		}
		out.WriteByte('\n')
	}
	if err := in.Err(); err != nil {
		return fmt.Errorf("reading texts: %w", err)
	}
	return out.Flush()
}
