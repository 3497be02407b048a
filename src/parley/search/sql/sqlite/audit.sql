-- name: audit_integrity
-- What SQLite itself finds wrong with the file, the index's own records included.
pragma integrity_check;

-- name: audit_documents
-- Keys of all documents, in order.
select id from body_docsize where id > ? order by id limit ?;
