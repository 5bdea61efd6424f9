package state

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Statuses of a model version. At most one version of a name is promoted.
const (
	ModelCandidate = "candidate"
	ModelPromoted  = "promoted"
	ModelArchived  = "archived"
)

// Model is one version of a tenant's trained model.
type Model struct {
	Name    string
	Version int
	// Kind says which service can read the artefact, such as "churn".
	Kind   string
	Status string
	// Meta is a JSON object: scores, sizes, what it was trained on.
	Meta json.RawMessage
	// Artifact is nil in listings.
	Artifact  []byte
	SHA256    string
	CreatedAt time.Time
}

// KeptVersions is how many versions of a model are kept besides the promoted
// one; older ones are dropped when a new one is saved.
const KeptVersions = 20

// SaveModel stores a new version of m.Name, numbered one above the highest. It
// becomes the promoted one when promote is set, and a candidate otherwise.
// Versions beyond KeptVersions leave, the oldest first.
func (s *Store) SaveModel(ctx context.Context, tenant string, m Model, promote bool) (version int, err error) {
	sum := sha256.Sum256(m.Artifact)
	err = s.db.Tx(ctx, func(tx *sql.Tx) error {
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(version), 0) + 1 FROM models WHERE tenant = ? AND name = ?`,
			tenant, m.Name).Scan(&version); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO models (tenant, name, version, kind, status, meta, artifact, sha256, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, tenant, m.Name, version, m.Kind, ModelCandidate, []byte(m.Meta), m.Artifact,
			hex.EncodeToString(sum[:]), s.now().UnixMilli()); err != nil {
			return err
		}
		if promote {
			if err := promoteTx(ctx, tx, tenant, m.Name, version); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM models WHERE tenant = ? AND name = ? AND status <> 'promoted' AND version <= ?`,
			tenant, m.Name, version-KeptVersions)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("storing model %s: %w", m.Name, fault(err))
	}
	return version, nil
}

// Promote makes one version the one in use; the former one is archived.
func (s *Store) Promote(ctx context.Context, tenant, name string, version int) error {
	err := s.db.Tx(ctx, func(tx *sql.Tx) error { return promoteTx(ctx, tx, tenant, name, version) })
	if err != nil {
		return fmt.Errorf("promoting model %s: %w", name, fault(err))
	}
	return nil
}

func promoteTx(ctx context.Context, tx *sql.Tx, tenant, name string, version int) error {
	if _, err := tx.ExecContext(ctx, `UPDATE models SET status = 'archived' WHERE tenant = ? AND name = ? AND status = 'promoted' AND version <> ?`,
		tenant, name, version); err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, `UPDATE models SET status = 'promoted' WHERE tenant = ? AND name = ? AND version = ?`, tenant, name, version)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrNotFound)
	}
	return nil
}

// PromotedModel returns the version in use with its artefact, verified against
// its hash, or ErrNotFound.
func (s *Store) PromotedModel(ctx context.Context, tenant, name string) (Model, error) {
	return s.oneModel(ctx, `status = 'promoted'`, tenant, name)
}

// ModelVersion returns one version with its artefact, or ErrNotFound.
func (s *Store) ModelVersion(ctx context.Context, tenant, name string, version int) (Model, error) {
	return s.oneModel(ctx, `version = ?`, tenant, name, version)
}

func (s *Store) oneModel(ctx context.Context, where string, args ...any) (Model, error) {
	var m Model
	var at int64
	err := s.db.Read.QueryRowContext(ctx, `SELECT name, version, kind, status, meta, artifact, sha256, created_at FROM models
		WHERE tenant = ? AND name = ? AND `+where, args...).
		Scan(&m.Name, &m.Version, &m.Kind, &m.Status, &m.Meta, &m.Artifact, &m.SHA256, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return Model{}, ErrNotFound
	}
	if err != nil {
		return Model{}, fmt.Errorf("reading a model: %w", fault(err))
	}
	m.CreatedAt = time.UnixMilli(at).UTC()
	if sum := sha256.Sum256(m.Artifact); hex.EncodeToString(sum[:]) != m.SHA256 {
		return Model{}, fmt.Errorf("reading model %s version %d: the artefact does not match its hash", m.Name, m.Version)
	}
	return m, nil
}

// Models lists every version of every model of a tenant without artefacts, by
// name and newest first.
func (s *Store) Models(ctx context.Context, tenant string) ([]Model, error) {
	rows, err := s.db.Read.QueryContext(ctx, `SELECT name, version, kind, status, meta, sha256, created_at FROM models
		WHERE tenant = ? ORDER BY name, version DESC`, tenant)
	if err != nil {
		return nil, fmt.Errorf("listing models: %w", fault(err))
	}
	defer rows.Close()
	out := []Model{}
	for rows.Next() {
		var m Model
		var at int64
		if err := rows.Scan(&m.Name, &m.Version, &m.Kind, &m.Status, &m.Meta, &m.SHA256, &at); err != nil {
			return nil, fmt.Errorf("listing models: %w", fault(err))
		}
		m.CreatedAt = time.UnixMilli(at).UTC()
		out = append(out, m)
	}
	return out, fault(rows.Err())
}
