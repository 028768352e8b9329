package foreign

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A manifest is named by the SHA-256 of what PyYAML's safe_dump makes of it, in block
// style, with sorted names, lines of any length and Unicode as it is. The part of that
// form which manifests use is written here; what falls outside is said, not guessed.

var errOtherForm = errors.New("it holds values whose canonical form is not known here")

// dumpedAsOther are texts that YAML 1.1 takes for something else, so that they are
// written in quotes.
var dumpedAsOther = regexp.MustCompile(`^(` +
	`[-+]?[0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)` +
	`|[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?(0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(:[0-5]?[0-9])+` +
	`|yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF|~|null|Null|NULL|<<|=` +
	`|[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?([ \t]*(Z|[-+][0-9]{1,2}(:[0-9]{2})?))?` +
	`)$`)

// prmlBytes is the canonical form of a manifest that keeps the rules.
func prmlBytes(o map[string]any) ([]byte, error) {
	o = maps.Clone(o)
	var err error
	if o["threshold"], err = prmlThreshold(o["threshold"].(json.Number), o["version"] == prml1); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := dumpMapping(&b, o, 0); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// prmlThreshold spells a threshold: as a float in 0.1; in 0.2 by its value, as an
// integer where it is one below 2^53.
func prmlThreshold(n json.Number, asFloat bool) (json.Number, error) {
	f, err := n.Float64()
	if err != nil {
		return "", errOtherForm
	}
	if f == 0 && isInteger(n) {
		f = 0 // an integer has no −0
	}
	const exact = 1 << 53
	if !asFloat && f == math.Trunc(f) && math.Abs(f) < exact {
		return json.Number(strconv.FormatInt(int64(f), 10)), nil
	}
	return json.Number(pythonFloat(f)), nil
}

func dumpMapping(b *bytes.Buffer, o map[string]any, indent int) error {
	const longest = 100 // beyond a length that depends on its tag a name gets another form
	for _, name := range slices.Sorted(maps.Keys(o)) {
		key, err := dumpText(name)
		if err != nil || name == "" || len(name) > longest {
			return errOtherForm
		}
		fmt.Fprintf(b, "%s%s:", strings.Repeat(" ", indent), key)
		if err := dumpValue(b, o[name], indent); err != nil {
			return err
		}
	}
	return nil
}

// dumpValue writes what stands behind a name.
func dumpValue(b *bytes.Buffer, v any, indent int) error {
	const step = 2
	switch v := v.(type) {
	case map[string]any:
		if len(v) == 0 {
			b.WriteString(" {}\n")
			return nil
		}
		b.WriteByte('\n')
		return dumpMapping(b, v, indent+step)
	case []any:
		if len(v) == 0 {
			b.WriteString(" []\n")
			return nil
		}
		b.WriteByte('\n')
		for _, e := range v {
			text, err := dumpScalar(e)
			if err != nil {
				return err
			}
			fmt.Fprintf(b, "%s- %s\n", strings.Repeat(" ", indent), text)
		}
		return nil
	}
	text, err := dumpScalar(v)
	if err != nil {
		return err
	}
	fmt.Fprintf(b, " %s\n", text)
	return nil
}

func dumpScalar(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "null", nil
	case bool:
		return strconv.FormatBool(v), nil
	case string:
		return dumpText(v)
	case json.Number:
		return dumpNumber(v)
	}
	return "", errOtherForm
}

func dumpNumber(n json.Number) (string, error) {
	if isInteger(n) && !yamlWeird.MatchString(string(n)) {
		i, ok := new(big.Int).SetString(string(n), 10)
		if !ok {
			return "", errOtherForm
		}
		return i.String(), nil
	}
	f, err := n.Float64()
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return "", errOtherForm
	}
	return pythonFloat(f), nil
}

// pythonFloat is Python's repr with the point that YAML wants.
func pythonFloat(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	_, exponent, _ := strings.Cut(s, "e")
	if e, err := strconv.Atoi(exponent); err == nil && e >= -4 && e < 16 {
		if s = strconv.FormatFloat(f, 'f', -1, 64); !strings.Contains(s, ".") {
			s += ".0"
		}
		return s
	}
	if !strings.Contains(s, ".") {
		s = strings.Replace(s, "e", ".0e", 1)
	}
	return s
}

// dumpText writes a text of portable characters, in quotes if it needs them.
func dumpText(s string) (string, error) {
	for _, r := range s {
		if r == 0xfffe || r == 0xffff || r >= 0x10ffff {
			return "", errOtherForm
		}
	}
	if plain(s) {
		return s, nil
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'", nil
}

// plain reports whether a text can stand without quotes in block style.
func plain(s string) bool {
	switch {
	case s == "" || s[0] == ' ' || s[len(s)-1] == ' ':
		return false
	case strings.HasPrefix(s, "---") || strings.HasPrefix(s, "..."):
		return false
	case strings.ContainsRune("#,[]{}&*!|>'\"%@`", rune(s[0])):
		return false
	case strings.ContainsRune("?:-", rune(s[0])) && (len(s) == 1 || s[1] == ' '):
		return false
	case strings.Contains(s, ": ") || strings.HasSuffix(s, ":") || strings.Contains(s, " #"):
		return false
	}
	return !dumpedAsOther.MatchString(s)
}
