package main

import "testing"

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"two\nlines, naïve, 中文":  "two\nlines, naïve, 中文",
		"\x1b[2Jgone":            `\u001b[2Jgone`,
		"\u009b31mred":           `\u009b31mred`,
		"a\u202eb\u2066c":        `a\u202eb\u2066c`,
		"line\u2028 separator\r": `line\u2028 separator\u000d`,
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}
