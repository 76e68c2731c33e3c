-- With which key the index behind the rows was signed: instants that two keys signed are not compared.
ALTER TABLE cursor ADD COLUMN signed_by TEXT;
