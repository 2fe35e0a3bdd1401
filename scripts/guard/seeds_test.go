package guard

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write docs/seeds.md and docs/configuration.md from their sources")

// seeds is docs/seeds.yaml.
type seeds struct {
	Pages []struct {
		Name     string
		Title    string
		Sections []struct {
			Title string
			Rows  []struct {
				Row    string
				What   string
				Tested bool
			}
		}
	}
}

func loadSeeds(t *testing.T) seeds {
	t.Helper()
	var s seeds
	d := yaml.NewDecoder(bytes.NewReader(read(t, "docs/seeds.yaml")))
	d.KnownFields(true)
	if err := d.Decode(&s); err != nil {
		t.Fatalf("docs/seeds.yaml: %v", err)
	}
	return s
}

// seedTests finds the functions of the tree that are called TestSeed_..., and where they are.
func seedTests(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, p := range goFiles(t) {
		if !strings.HasSuffix(p.name, "_test.go") {
			continue
		}
		for _, d := range p.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "TestSeed_") {
				continue
			}
			if other, twice := found[f.Name.Name]; twice {
				t.Errorf("%s is in %s and in %s", f.Name.Name, other, p.name)
			}
			found[f.Name.Name] = p.name
		}
	}
	return found
}

// Every row that promises a test has it, every such test has its row, and no row is there twice.
func TestSeedsAndTestsAgree(t *testing.T) {
	word := regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*$`)
	tests := seedTests(t)
	rows := make(map[string]bool)
	for _, page := range loadSeeds(t).Pages {
		for _, section := range page.Sections {
			for _, row := range section.Rows {
				name := "TestSeed_" + page.Name + "_" + row.Row
				_, exists := tests[name]
				switch {
				case !word.MatchString(row.Row) || row.What == "":
					t.Errorf("docs/seeds.yaml: %s: the row %q needs a name that can end a test's name, and a text", page.Name, row.Row)
				case rows[name]:
					t.Errorf("docs/seeds.yaml: %s has the row %s twice", page.Name, row.Row)
				case row.Tested && !exists:
					t.Errorf("docs/seeds.yaml: %s: the row %s promises %s, which does not exist", page.Name, row.Row, name)
				case !row.Tested && exists:
					t.Errorf("docs/seeds.yaml: %s: the row %s has its test in %s; write tested: true", page.Name, row.Row, tests[name])
				}
				rows[name] = true
			}
		}
	}
	for name, file := range tests {
		if !rows[name] {
			t.Errorf("%s: %s belongs to no row of docs/seeds.yaml", file, name)
		}
	}
}

func TestSeedsPageIsCurrent(t *testing.T) {
	want := render(loadSeeds(t))
	if *update {
		if err := os.WriteFile(filepath.Join(root, "docs/seeds.md"), want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(read(t, "docs/seeds.md"), want) {
		t.Error("docs/seeds.md is not what docs/seeds.yaml says: go test ./scripts/guard -run Seeds -update")
	}
}

func render(s seeds) []byte {
	var b bytes.Buffer
	b.WriteString("# What catflap must serve, row by row\n\n" +
		"One row for each option, path, type, event, function and troubleshooting line of the five pages that catflap was\n" +
		"designed against. A row is `planned` until the named test proves it; a test of the tree keeps this table honest.\n" +
		"Generated from `seeds.yaml`: `go test ./scripts/guard -run Seeds -update`.\n\n" +
		"| page | about | rows | tested |\n| --- | --- | --- | --- |\n")
	for _, page := range s.Pages {
		rows, tested := 0, 0
		for _, section := range page.Sections {
			rows += len(section.Rows)
			for _, row := range section.Rows {
				if row.Tested {
					tested++
				}
			}
		}
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %d | %d |\n", page.Name, page.Name, page.Title, rows, tested)
	}
	for _, page := range s.Pages {
		fmt.Fprintf(&b, "\n## %s\n", page.Name)
		for _, section := range page.Sections {
			fmt.Fprintf(&b, "\n### %s: %s\n\n| row | what | test |\n| --- | --- | --- |\n", page.Name, section.Title)
			for _, row := range section.Rows {
				test := "planned"
				if row.Tested {
					test = "`TestSeed_" + page.Name + "_" + row.Row + "`"
				}
				fmt.Fprintf(&b, "| %s | %s | %s |\n", row.Row, strings.ReplaceAll(row.What, "|", `\|`), test)
			}
		}
	}
	return b.Bytes()
}

// The five pages are fixed; a page that disappears from the table would take its promises along.
func TestSeedsHaveAllPages(t *testing.T) {
	var names []string
	for _, page := range loadSeeds(t).Pages {
		names = append(names, page.Name)
	}
	if want := []string{"openclaw", "integration", "adapters", "nonebot", "onebots"}; !slices.Equal(names, want) {
		t.Errorf("docs/seeds.yaml has the pages %q, want %q", names, want)
	}
}
