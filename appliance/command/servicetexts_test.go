package command

import (
	"reflect"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Both languages have every text, with the same verbs in the same order.
func TestServiceTextsAreComplete(t *testing.T) {
	verbs := regexp.MustCompile(`%[a-z]`)
	en, zh := reflect.ValueOf(*serviceEnglish()), reflect.ValueOf(*serviceChinese())
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		a, b := en.Field(i).String(), zh.Field(i).String()
		if a == "" || b == "" {
			t.Errorf("%s is empty in a language", name)
		}
		if diff := cmp.Diff(verbs.FindAllString(a, -1), verbs.FindAllString(b, -1)); diff != "" {
			t.Errorf("%s takes other arguments in the other language:\n%s", name, diff)
		}
	}
}
