package oms

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// members decodes the members of an object by their very names. It refuses others,
// unless more permits them, and always those that differ from a known one by case
// alone: encoding/json would take them for it, and another reader would not.
func members(object []byte, into map[string]any, more bool) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(object, &all); err != nil || all == nil {
		return errors.New("not a JSON object")
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if to := into[name]; to != nil {
			if err := json.Unmarshal(all[name], to); err != nil {
				return fmt.Errorf("member %s: %w", name, err)
			}
			continue
		}
		for known := range into {
			if strings.EqualFold(name, known) {
				return fmt.Errorf("member %.80q is not spelled %q", name, known)
			}
		}
		if !more {
			return fmt.Errorf("member %.80q is unknown here", name)
		}
	}
	return nil
}
