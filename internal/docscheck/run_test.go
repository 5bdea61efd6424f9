//go:build unix

package docscheck

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// optional are the programs that a reader of these pages may lack. A block that
// needs one is left out where it is away; any other program must be there, or
// the block be marked.
var optional = []string{"curl", "jq", "python3", "node", "make", "openssl", "sqlite3"}

// bench is the folder in which blocks run, as a reader's clone would be: the
// project's files, bin with what was built, and omni-data beside them.
type bench struct {
	dir, shims, curls string
	env               []string
	url               string
}

// TestBlocksRun runs every block of commands in README.md and docs against a
// started omni up, page by page from top to bottom, except those that say why
// not.
func TestBlocksRun(t *testing.T) {
	t.Parallel()
	pages, err := commandPages()
	if err != nil {
		t.Fatal(err)
	}
	b := setUp(t)
	ran := 0
	for _, name := range pages {
		p := read(t, name)
		for _, block := range p.Blocks {
			if !block.IsCommand() || p.NotRun != "" {
				continue
			}
			t.Run(fmt.Sprintf("%s:%d", name, block.Line), func(t *testing.T) {
				ran++
				b.run(t, block)
			})
		}
	}
	if ran < 5 {
		t.Errorf("only %d blocks were found", ran)
	}
}

// commandPages are the pages whose commands are run.
func commandPages() ([]string, error) {
	pages, err := Pages(filepath.Join(root, "docs"))
	for i, p := range pages {
		pages[i] = "docs/" + p
	}
	return append([]string{"README.md"}, pages...), err
}

func read(t *testing.T, page string) Page {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	return Parse(string(raw))
}

// calls reports whether a block of the page that is run names the program.
func calls(page, program string) bool {
	raw, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(page)))
	if err != nil {
		return false // the test that reads it says so
	}
	p := Parse(string(raw))
	return p.NotRun == "" && slices.ContainsFunc(p.Blocks, func(b Block) bool {
		plan, err := b.Plan()
		return b.IsCommand() && err == nil && strings.Contains(plan.Script, program)
	})
}

// setUp starts the server that the blocks speak to.
func setUp(t *testing.T) *bench {
	t.Helper()
	bin := binaries(t)
	b := &bench{dir: t.TempDir(), shims: t.TempDir(), curls: t.TempDir()}
	link(t, bin, b.dir)
	if err := os.WriteFile(filepath.Join(b.dir, "worker.log"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b.url = up(t, bin, b.dir)
	b.shim(t, "curl", `exec "`+lookPath("curl")+`" -v --stderr "$(mktemp "`+b.curls+`/XXXXXX")" --max-time 100 --noproxy '*' --proto =http "$@"`)
	b.shim(t, "make", `exec "`+lookPath("make")+`" -n "$@" >/dev/null`)
	b.env = environment(
		"PATH="+strings.Join([]string{b.shims, bin, os.Getenv("PATH")}, string(os.PathListSeparator)),
		"HOME="+t.TempDir(), "OMNI_URL="+b.url, "URL="+b.url, "MASTER_API_KEY="+masterKey,
		"KEY=demo-enterprise-key-abcdef", "OMNI_API_KEY=demo-enterprise-key-abcdef",
	)
	return b
}

// link makes a folder that looks like a clone after make build, without being
// one: what blocks write beside the project's folders goes away with it.
func link(t *testing.T, bin, dir string) {
	t.Helper()
	here, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(here)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if n := e.Name(); skippedFolder(n) || strings.HasSuffix(n, ".log") {
			continue
		}
		if err := os.Symlink(filepath.Join(here, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(bin, filepath.Join(dir, "bin")); err != nil {
		t.Fatal(err)
	}
}

// shim puts a script before a program of the machine: curl notes what it was
// answered, and make is asked only whether it would know what to do, for the
// tests themselves are one of its targets.
func (b *bench) shim(t *testing.T, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.shims, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil { //nolint:gosec // a program
		t.Fatal(err)
	}
}

func lookPath(name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		return name // blocks that need it are left out
	}
	return path
}

// run does what a block says and checks what it claims.
func (b *bench) run(t *testing.T, block Block) {
	plan, err := block.Plan()
	if err != nil {
		t.Fatalf("%v; %s", err, HowToMark)
	}
	if plan.NotRun != "" {
		t.Skip(plan.NotRun)
	}
	script := strings.NewReplacer("127.0.0.1:8080", strings.TrimPrefix(b.url, "http://"), "localhost:8080", strings.TrimPrefix(b.url, "http://")).Replace(plan.Script)
	for _, name := range optional {
		if !regexp.MustCompile(`(^|[\s;|&(])` + name + `\s`).MatchString(script) {
			continue
		}
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed here", name)
		}
	}
	file := filepath.Join(t.TempDir(), "block.sh")
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	out, code := command(t, b.dir, b.env, "sh", "-e", file)
	statuses := b.statuses(t)
	if code != plan.Exit {
		t.Errorf("exit code %d, not %d; %s\n%s%s", code, plan.Exit, HowToMark, script, out)
	}
	for _, s := range statuses {
		if (s < 200 || s > 299) && !slices.Contains(plan.Answers, s) {
			t.Errorf("a call was answered %d; %s\n%s%s", s, HowToMark, script, out)
		}
	}
	for _, s := range plan.Answers {
		if !slices.Contains(statuses, s) {
			t.Errorf("no call was answered %d, as is claimed: %v\n%s%s", s, statuses, script, out)
		}
	}
}

var statusLine = regexp.MustCompile(`(?m)^< HTTP/\S+ ([2-5]\d\d)`)

// statuses returns what the curls of the block just run were answered.
func (b *bench) statuses(t *testing.T) []int {
	t.Helper()
	notes, err := filepath.Glob(filepath.Join(b.curls, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var list []int
	for _, note := range notes {
		raw, err := os.ReadFile(note)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range statusLine.FindAllSubmatch(raw, -1) {
			s, err := strconv.Atoi(string(m[1]))
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, s)
		}
		if err := os.Remove(note); err != nil {
			t.Fatal(err)
		}
	}
	return list
}
