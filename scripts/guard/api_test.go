package guard

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/catflap/catflap/appliance/console"
)

// openAPI is what the test reads of docs/api.yaml.
type openAPI struct {
	Paths      map[string]map[string]any
	Components struct {
		Schemas map[string]struct {
			Properties map[string]any
		}
	}
}

// docs/api.yaml has every route of the API and no other, and of each object every key.
func TestAPIPageIsCurrent(t *testing.T) {
	text := read(t, "docs/api.yaml")
	var page openAPI
	if err := yaml.Unmarshal(text, &page); err != nil {
		t.Fatal(err)
	}
	var documented []string
	for path, methods := range page.Paths {
		for method := range methods {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(documented)
	if diff := cmp.Diff(slices.Sorted(slices.Values(console.Routes())), documented); diff != "" {
		t.Errorf("routes (-program +docs/api.yaml):\n%s", diff)
	}
	shapes := make(map[string]reflect.Type)
	for _, root := range []reflect.Type{
		reflect.TypeFor[console.Status](), reflect.TypeFor[console.AccountInfo](), reflect.TypeFor[console.Decision](), reflect.TypeFor[console.TailEvent](),
		reflect.TypeFor[console.ReloadResult](), reflect.TypeFor[console.PairingEntry](), reflect.TypeFor[console.PairingRequest](), reflect.TypeFor[console.PairingResult](),
		reflect.TypeFor[console.HistoryChat](), reflect.TypeFor[console.HistoryMessage](), reflect.TypeFor[console.ClearRequest](), reflect.TypeFor[console.ClearResult](),
		reflect.TypeFor[console.UnpinRequest](), reflect.TypeFor[console.AuditEntry](), reflect.TypeFor[console.AppRequest](), reflect.TypeFor[console.AppResult](),
		reflect.TypeFor[console.ConsoleStatus](), reflect.TypeFor[console.PasswordRequest](), reflect.TypeFor[console.LinkRequest](), reflect.TypeFor[console.LinkResult](), reflect.TypeFor[console.TokenResult](),
		reflect.TypeFor[console.GroupStatus](), reflect.TypeFor[console.GroupRequest](), reflect.TypeFor[console.ConfigFile](), reflect.TypeFor[console.ConfigRequest](),
		reflect.TypeFor[console.ConfigCheck](), reflect.TypeFor[console.ConfigVersion](), reflect.TypeFor[console.ConfigText](), reflect.TypeFor[console.LogRecord](),
		reflect.TypeFor[console.RehearseRequest](), reflect.TypeFor[console.MediaStats](), reflect.TypeFor[console.MediaGCRequest](), reflect.TypeFor[console.MediaGCResult](),
		reflect.TypeFor[console.Problem](), reflect.TypeFor[console.AlertOutcome](), reflect.TypeFor[console.Facts](), reflect.TypeFor[console.Checked](),
	} {
		collect(shapes, root)
	}
	for name, shape := range shapes {
		schema, ok := page.Components.Schemas[name]
		if !ok {
			t.Errorf("docs/api.yaml has no schema %s", name)
			continue
		}
		if diff := cmp.Diff(jsonKeys(shape), slices.Sorted(maps.Keys(schema.Properties))); diff != "" {
			t.Errorf("schema %s (-program +docs/api.yaml):\n%s", name, diff)
		}
	}
	for name := range page.Components.Schemas {
		if _, ok := shapes[name]; !ok {
			t.Errorf("docs/api.yaml has a schema %s that the program does not know", name)
		}
		if !strings.Contains(string(text), "#/components/schemas/"+name) {
			t.Errorf("no route of docs/api.yaml uses the schema %s", name)
		}
	}
}

// collect finds the objects of package console that a shape is made of.
func collect(into map[string]reflect.Type, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		collect(into, t.Elem())
	case reflect.Struct:
		if !strings.HasSuffix(t.PkgPath(), "/appliance/console") || into[t.Name()] != nil {
			return
		}
		into[t.Name()] = t
		for i := range t.NumField() {
			if t.Field(i).Tag.Get("json") != "-" {
				collect(into, t.Field(i).Type)
			}
		}
	}
}

func jsonKeys(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		if name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); name != "-" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
