"""The system of record: tables, transactions and one small repository for each aggregate."""
