package docscheck

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	p := Parse(strings.Join([]string{
		"# A *title*, with `code` & more", // 1
		"", "## Twice", "## Twice",        // 3, 4
		"See [one](a.md#b), ![two](img/c.png \"t\"), `[not](this.md)` and [three](<d.md>).", // 5
		"[name]: e.md",                    // 6
		"<!-- not run: needs a cloud -->", // 7
		"",
		"```sh title", "gcloud [x](y)", "# Heading of nothing", "```", // 9
		"- in a list", "  ~~~~console", "  $ a \\", "      b", "  out", "  ~~~", "  $ c", "  ~~~~", // 14
		"<!-- exit: 1 -->", "text between", "```", "plain", "```",
	}, "\n"))
	if want := []string{"A *title*, with `code` & more", "Twice", "Twice"}; !slices.Equal(p.Headings, want) {
		t.Errorf("headings %q", p.Headings)
	}
	for _, a := range []string{"a-title-with-code--more", "twice", "twice-1"} {
		if !p.Anchors[a] {
			t.Errorf("no anchor %s in %v", a, p.Anchors)
		}
	}
	if want := []Link{{5, "a.md#b"}, {5, "img/c.png"}, {5, "d.md"}, {6, "e.md"}}; !slices.Equal(p.Links, want) {
		t.Errorf("links %v", p.Links)
	}
	want := []Block{
		{Line: 9, Language: "sh", Lines: []string{"gcloud [x](y)", "# Heading of nothing"}, Comments: []string{"not run: needs a cloud"}},
		{Line: 14, Language: "console", Lines: []string{"$ a \\", "    b", "out", "~~~", "$ c"}},
		{Line: 23, Lines: []string{"plain"}},
	}
	if !reflect.DeepEqual(p.Blocks, want) {
		t.Errorf("blocks %#v", p.Blocks)
	}
	if p.NotRun != "" {
		t.Errorf("not run: %q", p.NotRun)
	}
	if p := Parse("<!-- blocks in this file are not run: they change a cloud -->\n```sh\nx\n```\n"); p.NotRun != "they change a cloud" {
		t.Errorf("not run: %q", p.NotRun)
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		block Block
		want  Plan
		fault string
	}{
		"a script":             {Block{Language: "sh", Lines: []string{"# why …", "a", "", "b"}}, Plan{Script: "# why …\na\n\nb\n"}, ""},
		"a session":            {Block{Language: "console", Lines: []string{"$ a \\", "  b", "out …", "$ c"}}, Plan{Script: "a \\\n  b\nc\n"}, ""},
		"no prompts":           {Block{Language: "console", Lines: []string{"a", "b"}}, Plan{Script: "a\nb\n"}, ""},
		"a dollar in a script": {Block{Language: "bash", Lines: []string{"cat <<E", "$ x", "E"}}, Plan{Script: "cat <<E\n$ x\nE\n"}, ""},
		"marked":               {Block{Language: "sh", Lines: []string{"a …"}, Comments: []string{"not run: needs a cloud"}}, Plan{NotRun: "needs a cloud"}, ""},
		"marked without why":   {Block{Language: "sh", Lines: []string{"a"}, Comments: []string{"not run"}}, Plan{}, "needs a reason"},
		"claims":               {Block{Language: "sh", Lines: []string{"a"}, Comments: []string{"answers: 422, 404", "exit: 2", "else"}}, Plan{Script: "a\n", Answers: []int{422, 404}, Exit: 2}, ""},
		"a claim of nothing":   {Block{Language: "sh", Lines: []string{"a"}, Comments: []string{"answers: 200"}}, Plan{}, "200 is no status"},
		"a place to fill in":   {Block{Language: "sh", Lines: []string{"KEY=… a"}}, Plan{}, "must fill in"},
		"a cloud":              {Block{Language: "sh", Lines: []string{"a && kubectl apply -f b"}}, Plan{}, "changes the machine"},
		"a cloud's name":       {Block{Language: "sh", Lines: []string{"a kubectl-file"}}, Plan{Script: "a kubectl-file\n"}, ""},
		"nothing":              {Block{Language: "sh", Lines: []string{"", "# x"}}, Plan{}, "no command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := c.block.Plan()
			if c.fault != "" {
				if err == nil || !strings.Contains(err.Error(), c.fault) {
					t.Fatalf("error %v; want %q", err, c.fault)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

func TestIsCommand(t *testing.T) {
	t.Parallel()
	for language, want := range map[string]bool{"sh": true, "console": true, "bash": true, "shell": true, "yaml": false, "go": false} {
		if got := (Block{Language: language, Lines: []string{"$ a"}}).IsCommand(); got != want {
			t.Errorf("%s: %t", language, got)
		}
	}
	if !(Block{Lines: []string{"$ a"}}).IsCommand() || (Block{Lines: []string{"a"}}).IsCommand() || (Block{}).IsCommand() {
		t.Error("a block without a language is told by its prompt")
	}
}

func TestBrokenLinks(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("docs/b.md", "## Über alles!\n")
	write("docs/page.html", `<tr id="code">`)
	write("bin/c.md", "[x](nowhere)")
	write("a.md", strings.Join([]string{
		"# Top",
		"[1](docs/b.md#über-alles) [2](docs) [3](#top) [4](https://example.com/x) [5](mailto:a@b.c) [6](docs/page.html#code) [7](docs/b.md#%C3%BCber-alles)",
		"[1](docs/b.md#gone)", "[2](gone.md)", "[3](#gone)", "[4](/docs/b.md)", "[5](../outside.md)", "[6](docs/page.html#gone)", "[7](docs#x)",
	}, "\n"))
	pages, err := Pages(root)
	if err != nil || !slices.Equal(pages, []string{"a.md", "docs/b.md"}) {
		t.Fatalf("%v %v", pages, err)
	}
	problems, err := BrokenLinks(root, "a.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, p := range problems {
		lines = append(lines, p.Line)
	}
	if !slices.Equal(lines, []int{3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("%v", problems)
	}
}
