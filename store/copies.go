package store

import "path/filepath"

// Files is the names of both files in a data folder, and of the copies that Backup makes, state.db first.
func Files() []string { return []string{stateName, journalName} }

// Versions is the schema versions that this catflap writes, by the names of Files. Files of a higher one are ErrNewer.
func Versions() map[string]uint64 {
	return map[string]uint64{stateName: stateSchema().version(), journalName: journalSchema().version()}
}

// Upgrade brings the copies in a folder, made by Backup of an older version, up to date: Check and Restore take no older
// ones. It needs the folder to itself. A file of a newer version is ErrNewer, and one that cannot be read is ErrDamaged.
func Upgrade(dir string) error {
	for name, sch := range map[string]schema{stateName: stateSchema(), journalName: journalSchema()} {
		f, err := openFile(filepath.Join(dir, name), fileOptions{schema: sch})
		if err != nil {
			return err
		}
		if err := f.close(); err != nil {
			return err
		}
	}
	return nil
}
