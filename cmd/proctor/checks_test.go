package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/proctor-attest/proctor/verify"
)

// The page of checks is the catalogue, and every check has a forgery.
func TestChecksPage(t *testing.T) {
	page, err := helpPages.ReadFile("help/checks.md")
	if err != nil {
		t.Fatal(err)
	}
	forgeries := forgeriesByCheck(t)
	var want []string
	for _, c := range verify.Catalogue {
		need := "–"
		if c.Level > 0 {
			need = fmt.Sprintf("%s%d", c.Facet, c.Level)
		}
		if len(forgeries[c.Name]) == 0 {
			t.Errorf("no forgery for %s", c.Name)
		}
		want = append(want, fmt.Sprintf("| `%s` | %s | %s | %s | %s |", c.Name, need, c.Section, c.Asks, strings.Join(forgeries[c.Name], ", ")))
	}
	var got []string
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "| `") {
			got = append(got, strings.TrimRight(line, "\n"))
		}
	}
	for _, name := range forgeries[""] {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("help/checks.md does not mention the forgery %s", name)
		}
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("help/checks.md has\n%s\nwant\n%s", g, w)
	}
}

func forgeriesByCheck(t *testing.T) map[string][]string {
	files, err := filepath.Glob("../../verify/testdata/forgeries/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no forgeries: %v", err)
	}
	by := map[string][]string{}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(f).ReadString('\n')
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		words := append(strings.Fields(line), "") // expect: STATE CHECK, or no check
		by[words[2]] = append(by[words[2]], strings.TrimSuffix(filepath.Base(name), ".txtar"))
	}
	return by
}
