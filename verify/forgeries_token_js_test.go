package verify

import "time"

// What checks tokens does not build here.
var checkToken func(token, message []byte, by *TSA) (time.Time, error)

func tokenForgeries() []forgery { return nil }
