package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// The parts of SPDX 2.3 that are used: https://spdx.github.io/spdx-spec/v2.3/
type (
	spdxDocument struct {
		Version       string             `json:"spdxVersion"`
		DataLicense   string             `json:"dataLicense"`
		ID            string             `json:"SPDXID"`
		Name          string             `json:"name"`
		Namespace     string             `json:"documentNamespace"`
		Creation      spdxCreation       `json:"creationInfo"`
		Packages      []spdxPackage      `json:"packages"`
		Relationships []spdxRelationship `json:"relationships"`
	}
	spdxCreation struct {
		Created  string   `json:"created"`
		Creators []string `json:"creators"`
	}
	spdxPackage struct {
		ID               string          `json:"SPDXID"`
		Name             string          `json:"name"`
		Version          string          `json:"versionInfo"`
		DownloadLocation string          `json:"downloadLocation"`
		FilesAnalyzed    bool            `json:"filesAnalyzed"`
		Concluded        string          `json:"licenseConcluded"`
		Declared         string          `json:"licenseDeclared"`
		Copyright        string          `json:"copyrightText"`
		Purpose          string          `json:"primaryPackagePurpose"`
		Comment          string          `json:"comment,omitempty"`
		References       []spdxReference `json:"externalRefs,omitempty"`
	}
	spdxReference struct {
		Category string `json:"referenceCategory"`
		Type     string `json:"referenceType"`
		Locator  string `json:"referenceLocator"`
	}
	spdxRelationship struct {
		From string `json:"spdxElementId"`
		Type string `json:"relationshipType"`
		To   string `json:"relatedSpdxElement"`
	}
)

// billOfMaterials writes what the programs say themselves that they are made of, as SPDX.
func (r *release) billOfMaterials() error {
	type module struct{ path, version, sum string }
	found := make(map[module][]string) // the targets that have it
	identity := sha256.New()
	goVersion := ""
	for _, t := range r.targets {
		info, err := buildinfo.ReadFile(r.built(t))
		if err != nil {
			return fmt.Errorf("what the program for %s is made of: %w", t, err)
		}
		goVersion = info.GoVersion
		data, err := os.ReadFile(r.built(t))
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		identity.Write(sum[:])
		for _, d := range info.Deps {
			if d.Replace != nil {
				d = d.Replace
			}
			m := module{d.Path, d.Version, d.Sum}
			found[m] = append(found[m], t.String())
		}
	}
	v := r.version.String()
	top := spdxPackage{
		ID: "SPDXRef-catflap", Name: "catflap", Version: v, DownloadLocation: "https://github.com/catflap/catflap",
		Concluded: "Apache-2.0", Declared: "Apache-2.0", Copyright: "NOASSERTION", Purpose: "APPLICATION",
		References: []spdxReference{{"PACKAGE-MANAGER", "purl", "pkg:golang/github.com/catflap/catflap@" + v}},
	}
	std := spdxPackage{
		ID: "SPDXRef-go-std", Name: "std", Version: strings.TrimPrefix(goVersion, "go"), DownloadLocation: "https://go.dev/dl/",
		Concluded: "BSD-3-Clause", Declared: "BSD-3-Clause", Copyright: "The Go Authors", Purpose: "LIBRARY",
		References: []spdxReference{{"PACKAGE-MANAGER", "purl", "pkg:golang/std@" + strings.TrimPrefix(goVersion, "go")}},
	}
	doc := spdxDocument{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: "catflap-" + v,
		// It must be unique to these bytes, and the same for the same bytes.
		Namespace:     "https://github.com/catflap/catflap/spdx/" + v + "/" + hex.EncodeToString(identity.Sum(nil)[:16]),
		Creation:      spdxCreation{r.time.Format(time.RFC3339), []string{"Tool: catflap-scripts-release"}},
		Packages:      []spdxPackage{top, std},
		Relationships: []spdxRelationship{{"SPDXRef-DOCUMENT", "DESCRIBES", top.ID}, {top.ID, "DEPENDS_ON", std.ID}},
	}
	modules := make([]module, 0, len(found))
	for m := range found {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int {
		return strings.Compare(a.path+"@"+a.version, b.path+"@"+b.version)
	})
	for _, m := range modules {
		licence, err := r.licenceName(m.path)
		if err != nil {
			return err
		}
		p := spdxPackage{
			ID: "SPDXRef-" + identifier(m.path+"-"+m.version), Name: m.path, Version: m.version, DownloadLocation: "NOASSERTION",
			Concluded: licence, Declared: licence, Copyright: "NOASSERTION", Purpose: "LIBRARY", Comment: "go.sum: " + m.sum,
			References: []spdxReference{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + strings.ToLower(m.path) + "@" + m.version}},
		}
		if len(found[m]) < len(r.targets) {
			p.Comment += "; only in " + strings.Join(found[m], ", ")
		}
		doc.Packages = append(doc.Packages, p)
		doc.Relationships = append(doc.Relationships, spdxRelationship{top.ID, "DEPENDS_ON", p.ID})
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "catflap_"+v+".spdx.json"), out.Bytes(), 0o644)
}

// identifier keeps the letters that SPDX allows.
func identifier(text string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' {
			return c
		}
		return '-'
	}, text)
}

// licenceName reads a licence's name from the text that is shipped as copyright. What it does not know is not asserted.
func (r *release) licenceName(path string) (string, error) {
	all, err := os.ReadFile(filepath.Join(r.stage, "copyright"))
	if err != nil {
		return "", err
	}
	_, text, ok := strings.Cut(string(all), "\ncatflap contains "+path+" ")
	if !ok {
		return "", fmt.Errorf("the licence of %s is not among those that are shipped", path)
	}
	text, _, _ = strings.Cut(text, "\n"+strings.Repeat("-", 80)+"\n")
	text = strings.Join(strings.Fields(text), " ")
	var names []string
	if strings.Contains(text, "Apache License") {
		names = append(names, "Apache-2.0")
	}
	if strings.Contains(text, "Redistribution and use in source and binary forms") {
		if strings.Contains(text, "Neither the name") || strings.Contains(text, "names of its contributors") {
			names = append(names, "BSD-3-Clause")
		} else {
			names = append(names, "BSD-2-Clause")
		}
	}
	if strings.Contains(text, "Permission is hereby granted, free of charge") {
		names = append(names, "MIT")
	}
	if len(names) == 0 {
		return "NOASSERTION", nil
	}
	return strings.Join(names, " AND "), nil
}
