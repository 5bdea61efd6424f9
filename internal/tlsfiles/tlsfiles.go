// Package tlsfiles keeps TLS settings that live in files up to date: a
// certificate or an authority that is renewed on disk is used from the next
// handshake on, without a restart.
package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Files names what is read. An empty name is left out.
type Files struct {
	// CA holds the authorities of the other side; empty for the system's.
	CA string
	// Cert and Key are one's own certificate.
	Cert, Key string
}

// lookEvery is how long what was read is taken to be current.
const lookEvery = time.Second

// Source holds what the files said last. Safe for concurrent use.
type Source struct {
	files Files
	log   *slog.Logger
	now   func() time.Time

	mu     sync.Mutex
	looked time.Time
	stamps [3]stamp
	roots  *x509.CertPool // nil for the system's
	own    *tls.Certificate
}

// stamp tells versions of a file apart.
type stamp struct {
	size    int64
	changed time.Time
}

// Open reads the files; all of them must be good at first. Later a bad one
// leaves in force what was good, and is said in the log.
func Open(files Files, log *slog.Logger, now func() time.Time) (*Source, error) {
	if (files.Cert == "") != (files.Key == "") {
		return nil, errors.New("a certificate and its key belong together")
	}
	s := &Source{files: files, log: log, now: now, looked: now()}
	s.stamps = s.look()
	if err := s.read(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Source) look() (stamps [3]stamp) {
	for i, name := range []string{s.files.CA, s.files.Cert, s.files.Key} {
		if name == "" {
			continue
		}
		if info, err := os.Stat(name); err == nil {
			stamps[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return stamps
}

// read reads all files anew, and takes them over together or not at all.
func (s *Source) read() error {
	var roots *x509.CertPool
	if s.files.CA != "" {
		raw, err := os.ReadFile(s.files.CA)
		if err != nil {
			return fmt.Errorf("reading the certificate authorities: %w", err)
		}
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(raw) {
			return fmt.Errorf("%s holds no certificate in PEM form", s.files.CA)
		}
	}
	var own *tls.Certificate
	if s.files.Cert != "" {
		pair, err := tls.LoadX509KeyPair(s.files.Cert, s.files.Key)
		if err != nil {
			return fmt.Errorf("reading the certificate and its key: %w", err)
		}
		own = &pair
	}
	s.roots, s.own = roots, own
	return nil
}

// current returns what is in force, having looked at the files if that was a
// while ago.
func (s *Source) current() (roots *x509.CertPool, own *tls.Certificate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now(); now.Sub(s.looked) >= lookEvery {
		s.looked = now
		if stamps := s.look(); stamps != s.stamps {
			s.stamps = stamps
			if err := s.read(); err != nil {
				s.log.Error("changed TLS files cannot be used; the former ones stay in force", "error", err)
			} else {
				s.log.Info("changed TLS files are in force", "cert", s.files.Cert, "ca", s.files.CA)
			}
		}
	}
	return s.roots, s.own
}

// Client returns settings for calling a server whose certificate must bear
// the name.
func (s *Source) Client(serverName string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		ServerName: serverName,
		// The usual check reads the authorities once and for all. VerifyConnection
		// makes the same check with those of today.
		InsecureSkipVerify: true, //nolint:gosec // see VerifyConnection
		VerifyConnection: func(state tls.ConnectionState) error {
			roots, _ := s.current()
			return verify(state, x509.VerifyOptions{Roots: roots, DNSName: serverName, CurrentTime: s.now()})
		},
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if _, own := s.current(); own != nil {
				return own, nil
			}
			return &tls.Certificate{}, nil // none, which the server may refuse
		},
	}
}

// Server returns settings for a server with this certificate, which demands
// one of its callers if there is an authority to check it by.
func (s *Source) Server() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			roots, own := s.current()
			if own == nil {
				return nil, errors.New("no certificate is configured")
			}
			c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{*own}, NextProtos: []string{"h2", "http/1.1"}}
			if roots != nil {
				c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, roots
			}
			return c, nil
		},
	}
}

func verify(state tls.ConnectionState, options x509.VerifyOptions) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("the worker showed no certificate")
	}
	options.Intermediates = x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	return err
}
