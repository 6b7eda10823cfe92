"""The engines that hold and transform the tables. Nothing outside this package knows which one is in use."""

from lending_club.warehouse.base import FileFormat, FileQuery, FirstRows, Table, TableOutput, Warehouse
from lending_club.warehouse.connections import close_warehouses, open_warehouse
from lending_club.warehouse.files import first_rows_of_file

__all__ = [
    "FileFormat",
    "FileQuery",
    "FirstRows",
    "Table",
    "TableOutput",
    "Warehouse",
    "close_warehouses",
    "first_rows_of_file",
    "open_warehouse",
]
