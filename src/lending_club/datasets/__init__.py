"""What the catalog names: input files, warehouse tables and published outputs. Only these modules know paths."""

from lending_club.datasets.csv_source import CsvSource
from lending_club.datasets.directory import DirectoryDataset
from lending_club.datasets.published import PublishedFile, PublishedOutputs, PublishedPage, PublishedTable
from lending_club.datasets.table import TableDataset

__all__ = [
    "CsvSource",
    "DirectoryDataset",
    "PublishedFile",
    "PublishedOutputs",
    "PublishedPage",
    "PublishedTable",
    "TableDataset",
]
