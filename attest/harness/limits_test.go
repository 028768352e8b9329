package harness

import (
	"fmt"
	"strings"
	"testing"
)

// Every importer of YAML has its limits: a parsed file is many times its size.
func TestYAMLLimits(t *testing.T) {
	begins := map[string]string{
		"a/edit_leaderboard.yml": aiderFile, "b/README.md": modelCard, "c/.eval_results/a.yaml": evalResults, "d/table.yaml": treeTables["a.yaml"],
	}
	comment := "#" + strings.Repeat("x", 1<<16) + "\n"
	values := "x: [" + strings.Repeat("1,", maxYAMLNodes) + "1]\n"
	for _, c := range []struct{ name, more, want string }{
		{"large", strings.Repeat(comment, maxYAML>>16), fmt.Sprintf("is larger than %d bytes", maxYAML)},
		{"many values", values, fmt.Sprintf("has more than %d values", maxYAMLNodes)},
		{"bomb", bomb(), "an anchor or alias, which are not read"},
		{"deep", "x: " + strings.Repeat("[", 20_000) + "\n", "yaml: "},
	} {
		for name, text := range begins {
			in := importAll(t, map[string]string{name: withMore(text, c.more)})
			if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, c.want) {
				t.Errorf("%s: %s: refused %v, unrecognised %v, want %q", c.name, name, in.Refused, in.Unrecognised, c.want)
			}
		}
	}
}

// withMore puts members behind the head of a file, at the end of its front matter or of
// its last list's last mapping.
func withMore(text, more string) string {
	padding := strings.Repeat("# nothing\n", headSize/10+1)
	if front, rest, ok := strings.Cut(text, "---\n# tiny"); ok {
		return front + padding + more + "---\n# tiny" + rest
	}
	if strings.HasPrefix(more, "#") {
		return text + padding + more
	}
	return text + padding + "  " + strings.ReplaceAll(strings.TrimSuffix(more, "\n"), "\n", "\n  ") + "\n"
}

// bomb is ten lines that mean ten thousand million words.
func bomb() string {
	var b strings.Builder
	b.WriteString("x0: &x0 [a,a,a,a,a,a,a,a,a,a]\n")
	for i := 1; i < 10; i++ {
		alias := fmt.Sprintf("*x%d", i-1)
		fmt.Fprintf(&b, "x%d: &x%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(alias+",", 10), ","))
	}
	return b.String()
}

// A JSON file is read whole up to a size, and not beyond.
func TestJSONTableLimit(t *testing.T) {
	text := treeTables["a.json"]
	text = text[:len(text)-1] + strings.Repeat(" ", MaxResults) + "]"
	in := importAll(t, map[string]string{"a.json": text})
	if len(in.Refused) != 1 || !strings.Contains(in.Refused[0].Reason, fmt.Sprintf("is larger than %d bytes", MaxResults)) {
		t.Errorf("refused %v, %d tables", in.Refused, len(in.Tables))
	}
}
