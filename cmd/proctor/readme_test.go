package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var consoleBlock = regexp.MustCompile("(?s)```console\n(.*?)```")

// The console blocks of the README are run, in one folder each, and must print what
// they show. "…" stands for anything, on a line of its own for any lines.
func TestReadmeConsole(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(bin, "proctor")); err != nil { // TestMain runs main under that name
		t.Fatal(err)
	}
	blocks := consoleBlock.FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 2 {
		t.Fatal("the README has no console blocks")
	}
	job := t.TempDir()
	for i, block := range blocks {
		dir := job
		if strings.Contains(block[1], "proctor demo") {
			dir = t.TempDir()
		}
		prelude := "export PATH=" + bin + ":$PATH PROCTOR_PASSWORD=correct-horse PROCTOR_HOME=; cd " + dir
		for _, step := range strings.Split("\n"+block[1], "\n$ ")[1:] {
			command, want, _ := strings.Cut(step, "\n")
			if strings.HasPrefix(command, "cd ") || strings.HasPrefix(command, "export ") {
				prelude += "; " + command
				continue
			}
			out, err := exec.Command("sh", "-c", prelude+"; "+command+" 2>&1").CombinedOutput()
			if err != nil {
				t.Fatalf("block %d: %s: %v\n%s", i+1, command, err, out)
			}
			if !matches(want, string(out)) {
				t.Errorf("block %d: %s prints\n%s\nwant\n%s", i+1, command, out, want)
			}
		}
	}
}

// matches compares text with a pattern in which "…" stands for anything.
func matches(pattern, text string) bool {
	quoted := regexp.QuoteMeta(strings.TrimRight(pattern, "\n"))
	quoted = regexp.MustCompile(`(?m)^…$\n?`).ReplaceAllString(quoted, `(?s:.*)`)
	quoted = strings.ReplaceAll(quoted, "…", `[^\n]*`)
	return regexp.MustCompile(`\A` + quoted + `\s*\z`).MatchString(text)
}

// Every direct dependency is argued for.
func TestReadmeNamesDependencies(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("go", "list", "-m", "-f", "{{if not .Indirect}}{{.Path}}{{end}}", "all").Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := slices.DeleteFunc(strings.Fields(string(out)), func(m string) bool { return m+"/" == module })
	for _, m := range modules {
		name := strings.TrimPrefix(m, "github.com/")
		name = regexp.MustCompile(`/v[0-9]+$`).ReplaceAllString(name, "")
		name = strings.TrimPrefix(name, "golang.org/")
		if !strings.Contains(string(readme), name) {
			t.Errorf("the README's table does not say why %s is there", m)
		}
	}
}
