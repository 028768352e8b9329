package schemas

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// compiled holds the schemas, each compiled when it is first asked for. They are
// embedded: one that does not compile is a mistake of ours.
var compiled = sync.OnceValue(func() map[string]func() *jsonschema.Schema {
	c := jsonschema.NewCompiler()
	var names []string
	for _, name := range append(Names(), "common") {
		data, err := files.ReadFile(name + ".schema.json")
		if errors.Is(err, fs.ErrNotExist) {
			continue // in a browser: a test holds what is there
		}
		if err != nil {
			panic(err)
		}
		if name != "common" {
			names = append(names, name)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			panic(fmt.Errorf("schema %s: %w", name, err))
		}
		if err := c.AddResource(Base+name+version, doc); err != nil {
			panic(err)
		}
	}
	var compiling sync.Mutex // a compiler is not safe for concurrent use
	all := map[string]func() *jsonschema.Schema{}
	for _, name := range names {
		all[name] = sync.OnceValue(func() *jsonschema.Schema {
			compiling.Lock()
			defer compiling.Unlock()
			return c.MustCompile(Base + name + version)
		})
	}
	return all
})

// Validate checks a JSON document against the schema of a name. The error says
// where, as a JSON pointer (RFC 6901), and what is wrong there.
func Validate(name string, doc []byte) error {
	schema, ok := compiled()[name]
	if !ok {
		return fmt.Errorf("schema %q: %w", name, fs.ErrNotExist)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	err = schema().Validate(v)
	if err == nil {
		return nil
	}
	failed, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return err
	}
	return fmt.Errorf("%s", describe(failed))
}

// describe names the first places that do not fit, in document order.
func describe(failed *jsonschema.ValidationError) string {
	const most = 3
	var found []string
	for _, leaf := range leaves(failed, nil) {
		text := clip(pointer(leaf.InstanceLocation) + ": " + explain(leaf))
		if !slices.Contains(found, text) {
			found = append(found, text)
		}
	}
	slices.Sort(found)
	if len(found) > most {
		found = append(found[:most], fmt.Sprintf("and %d more", len(found)-most))
	}
	return strings.Join(found, "; ")
}

// leaves are the failures that have no cause of their own. Why each alternative
// of an anyOf failed helps nobody, so those count as one.
func leaves(e *jsonschema.ValidationError, out []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		return append(out, e)
	}
	if len(e.Causes) == 0 {
		return append(out, e)
	}
	for _, cause := range e.Causes {
		out = leaves(cause, out)
	}
	return out
}

func pointer(location []string) string {
	var b strings.Builder
	for _, token := range location {
		token = strings.ReplaceAll(strings.ReplaceAll(token, "~", "~0"), "/", "~1")
		fmt.Fprintf(&b, "/%s", token)
	}
	if b.Len() == 0 {
		return "document"
	}
	return b.String()
}

func explain(e *jsonschema.ValidationError) string {
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		return "member " + strings.Join(k.Missing, ", ") + " is absent"
	case *kind.AdditionalProperties:
		return fmt.Sprintf("unknown member %q", k.Properties)
	case *kind.FalseSchema:
		return "does not belong here"
	case *kind.AnyOf, *kind.OneOf:
		return "has none of the permitted forms"
	case *kind.Not:
		return "has a value that is refused here"
	}
	return e.ErrorKind.LocalizedString(english)
}

var english = message.NewPrinter(language.English)

// clip shortens text that quotes a foreign document.
func clip(s string) string {
	const limit = 200
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}
