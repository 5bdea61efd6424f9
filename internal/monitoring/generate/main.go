// Command generate writes deploy/prometheus and deploy/grafana anew.
package main

import (
	"fmt"
	"os"

	"github.com/omni-run/omni/internal/monitoring"
)

//go:generate go run . ../../../deploy
func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate DEPLOY-FOLDER")
		os.Exit(2)
	}
	if err := monitoring.Write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
