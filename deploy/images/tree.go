package images

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// entry is one file or folder of a tree.
type entry struct {
	mode    fs.FileMode
	owner   int
	content []byte
}

// Tree is a root file system in memory, by absolute path. Folders above a file
// need not be named; they belong to root and are readable by all.
type Tree map[string]entry

// File puts a file that root owns and everybody may read.
func (t Tree) File(name string, content []byte) {
	t[path.Clean("/"+name)] = entry{mode: 0o444, content: content}
}

// Program puts a file that everybody may run.
func (t Tree) Program(name string, content []byte) {
	t[path.Clean("/"+name)] = entry{mode: 0o555, content: content}
}

// Folder puts a folder with its own mode and owner.
func (t Tree) Folder(name string, mode fs.FileMode, owner int) {
	t[path.Clean("/"+name)] = entry{mode: fs.ModeDir | mode, owner: owner}
}

// whole returns the tree with the folders that its files stand in.
func (t Tree) whole() Tree {
	all := Tree{}
	for name, e := range t {
		all[name] = e
		for dir := path.Dir(name); dir != "/"; dir = path.Dir(dir) {
			if _, there := t[dir]; !there {
				all[dir] = entry{mode: fs.ModeDir | 0o755}
			}
		}
	}
	return all
}

// names are sorted, so that folders come before what is in them and the same
// tree always gives the same archive.
func (t Tree) names() []string {
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Tar returns the tree as an archive in which every time is at.
func (t Tree) Tar(at time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	all := t.whole()
	for _, name := range all.names() {
		e := all[name]
		h := &tar.Header{
			Name: strings.TrimPrefix(name, "/"), Typeflag: tar.TypeReg, Mode: tarMode(e.mode), Size: int64(len(e.content)),
			Uid: e.owner, Gid: e.owner, ModTime: at, Format: tar.FormatPAX,
		}
		if e.mode.IsDir() {
			h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		}
		if err := w.WriteHeader(h); err != nil {
			return nil, fmt.Errorf("packing %s: %w", name, err)
		}
		if _, err := w.Write(e.content); err != nil {
			return nil, fmt.Errorf("packing %s: %w", name, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// tarMode is the Unix mode, the sticky bit included, which fs.FileMode keeps
// elsewhere.
func tarMode(m fs.FileMode) int64 {
	bits := int64(m.Perm())
	if m&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}

// WriteTo lays the tree out below a folder, for a Dockerfile to copy or for a
// person to look at. Owners are set where the process may set them.
func (t Tree) WriteTo(dir string) error {
	all := t.whole()
	for _, name := range all.names() {
		e, to := all[name], filepath.Join(dir, filepath.FromSlash(name))
		if err := put(e, to); err != nil {
			return fmt.Errorf("laying out %s: %w", name, err)
		}
	}
	return nil
}

func put(e entry, to string) error {
	if e.mode.IsDir() {
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
	} else if err := os.WriteFile(to, e.content, 0o600); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		if err := os.Lchown(to, e.owner, e.owner); err != nil {
			return err
		}
	}
	return os.Chmod(to, e.mode&^fs.ModeDir)
}

// Untar reads an archive that Tar wrote.
func Untar(r io.Reader) (Tree, error) {
	t := Tree{}
	for in := tar.NewReader(r); ; {
		h, err := in.Next()
		if err == io.EOF { //nolint:errorlint // the tar reader returns the bare io.EOF
			return t, nil
		}
		if err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		content, err := io.ReadAll(in)
		if err != nil {
			return nil, fmt.Errorf("unpacking %s: %w", h.Name, err)
		}
		t[path.Clean("/"+h.Name)] = entry{mode: h.FileInfo().Mode(), owner: h.Uid, content: content}
	}
}
