package images

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
)

// BillOfMaterials is the list of what is inside a program, as CycloneDX JSON.
// It comes from what the linker wrote into the program, not from go.mod: a
// module that is required but not linked is not in it. It bears no time and no
// random number, so that the image stays reproducible.
func BillOfMaterials(p *Program, version string, licences []Licence) ([]byte, error) {
	known := map[string][]string{}
	for _, l := range licences {
		known[l.Module] = l.IDs
	}
	self := component(p.Name, version, "", cyclonedx.ComponentTypeApplication, known[module])
	self.PackageURL = purl(module, version)
	parts := []cyclonedx.Component{component("std", strings.TrimPrefix(p.Info.GoVersion, "go"), "", cyclonedx.ComponentTypeLibrary, known["std"])}
	for _, d := range p.Info.Deps {
		m := replaced(d)
		parts = append(parts, component(m.Path, m.Version, m.Sum, cyclonedx.ComponentTypeLibrary, known[d.Path]))
	}
	refs := make([]string, len(parts))
	for i, c := range parts {
		refs[i] = c.BOMRef
	}
	bom := cyclonedx.NewBOM()
	bom.Metadata = &cyclonedx.Metadata{
		Component: &self,
		Properties: &[]cyclonedx.Property{
			{Name: "omni:goos", Value: "linux"}, {Name: "omni:goarch", Value: p.Arch},
		},
	}
	bom.Components = &parts
	bom.Dependencies = &[]cyclonedx.Dependency{{Ref: self.BOMRef, Dependencies: &refs}}
	var out bytes.Buffer
	if err := cyclonedx.NewBOMEncoder(&out, cyclonedx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bom, cyclonedx.SpecVersion1_5); err != nil {
		return nil, fmt.Errorf("writing the bill of materials of %s: %w", p.Name, err)
	}
	return out.Bytes(), nil
}

func replaced(m *debug.Module) *debug.Module {
	if m.Replace != nil {
		return m.Replace
	}
	return m
}

func purl(path, version string) string { return "pkg:golang/" + path + "@" + version }

func component(name, version, sum string, kind cyclonedx.ComponentType, licences []string) cyclonedx.Component {
	c := cyclonedx.Component{BOMRef: purl(name, version), PackageURL: purl(name, version), Type: kind, Name: name, Version: version}
	// go.sum's "h1:" is a SHA-256 over the module's files, in base 64.
	if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sum, "h1:")); err == nil && len(raw) == 32 {
		c.Hashes = &[]cyclonedx.Hash{{Algorithm: cyclonedx.HashAlgoSHA256, Value: hex.EncodeToString(raw)}}
	}
	if len(licences) > 0 {
		list := cyclonedx.Licenses{}
		for _, id := range licences {
			list = append(list, cyclonedx.LicenseChoice{License: &cyclonedx.License{ID: id}})
		}
		c.Licenses = &list
	}
	return c
}
