package command

import (
	"reflect"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Both languages have every text, with the same verbs in the same order, and explain the same reasons.
func TestTextsAreComplete(t *testing.T) {
	verbs := regexp.MustCompile(`%[a-z]`)
	en, zh := reflect.ValueOf(*english()), reflect.ValueOf(*chinese())
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		if en.Field(i).Kind() != reflect.String {
			continue
		}
		a, b := en.Field(i).String(), zh.Field(i).String()
		if a == "" || b == "" {
			t.Errorf("%s is empty in a language", name)
		}
		if diff := cmp.Diff(verbs.FindAllString(a, -1), verbs.FindAllString(b, -1)); diff != "" {
			t.Errorf("%s takes other arguments in the other language:\n%s", name, diff)
		}
	}
	for reason := range english().reasons {
		if chinese().why(reason) == "" {
			t.Errorf("reason %s has no Chinese words", reason)
		}
	}
	if got, want := len(chinese().reasons), len(english().reasons); got != want {
		t.Errorf("%d reasons in Chinese, %d in English", got, want)
	}
}

func TestLanguage(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, "en"},
		{map[string]string{"LANG": "zh_CN.UTF-8"}, "zh"},
		{map[string]string{"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"},
		{map[string]string{"LC_MESSAGES": "ZH_tw", "LANG": "de_DE"}, "zh"},
		{map[string]string{"LANG": "de_DE"}, "en"},
	} {
		s := &Shell{Env: func(name string) (string, bool) { v, ok := c.env[name]; return v, ok }}
		if got := s.language(nil); got != c.want {
			t.Errorf("language under %v is %s, want %s", c.env, got, c.want)
		}
	}
}
