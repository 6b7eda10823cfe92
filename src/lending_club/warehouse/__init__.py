"""The engines that hold and transform the tables. Nothing outside this package knows which one is in use."""

from lending_club.warehouse.base import FileFormat, FileQuery, ParquetFile, Table, TableOutput, Warehouse
from lending_club.warehouse.connections import close_warehouses, open_warehouse
from lending_club.warehouse.files import first_rows_of_file
from lending_club.warehouse.frames import Query, Readable

__all__ = [
    "FileFormat",
    "FileQuery",
    "ParquetFile",
    "Query",
    "Readable",
    "Table",
    "TableOutput",
    "Warehouse",
    "close_warehouses",
    "first_rows_of_file",
    "open_warehouse",
]
