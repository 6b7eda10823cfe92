"""What statements give back, as Arrow tables, and the Thrift forms of them."""

import io
import itertools
from typing import NamedTuple

import lz4.frame
import pyarrow as pa
import pyarrow.compute as pc
from databricks.sql.thrift_api.TCLIService import ttypes
from pyspark.sql import DataFrame, types
from pyspark.sql.pandas.types import to_arrow_schema

_TYPE_IDS: dict[type[types.DataType], int] = {
    types.BooleanType: ttypes.TTypeId.BOOLEAN_TYPE,
    types.ByteType: ttypes.TTypeId.TINYINT_TYPE,
    types.ShortType: ttypes.TTypeId.SMALLINT_TYPE,
    types.IntegerType: ttypes.TTypeId.INT_TYPE,
    types.LongType: ttypes.TTypeId.BIGINT_TYPE,
    types.FloatType: ttypes.TTypeId.FLOAT_TYPE,
    types.DoubleType: ttypes.TTypeId.DOUBLE_TYPE,
    types.DateType: ttypes.TTypeId.DATE_TYPE,
    types.TimestampType: ttypes.TTypeId.TIMESTAMP_TYPE,
    types.TimestampNTZType: ttypes.TTypeId.TIMESTAMP_TYPE,
    types.BinaryType: ttypes.TTypeId.BINARY_TYPE,
    types.DecimalType: ttypes.TTypeId.DECIMAL_TYPE,
    types.ArrayType: ttypes.TTypeId.ARRAY_TYPE,
    types.MapType: ttypes.TTypeId.MAP_TYPE,
    types.StructType: ttypes.TTypeId.STRUCT_TYPE,
    types.NullType: ttypes.TTypeId.NULL_TYPE,
}
_ROWS_PER_BATCH = 50_000


class Result(NamedTuple):
    """What a statement gives back.

    Attributes:
        table: Its rows.
        schema: The Spark types of its columns.
        is_staging: The rows tell the client which file to transfer, and where.
        modified_rows: How many rows the statement changed.
    """

    table: pa.Table
    schema: types.StructType
    is_staging: bool = False
    modified_rows: int | None = None


def empty() -> Result:
    """The result of a statement that gives nothing back."""
    return Result(pa.table({}), types.StructType())


def from_rows(columns: dict[str, types.DataType], rows: list[tuple[object, ...]], is_staging: bool = False) -> Result:
    """A result of these rows."""
    schema = types.StructType([types.StructField(name, kind) for name, kind in columns.items()])
    arrow = to_arrow_schema(schema)
    arrays = [pa.array([row[i] for row in rows], arrow.field(i).type) for i in range(len(columns))]
    return Result(pa.Table.from_arrays(arrays, schema=arrow), schema, is_staging)


def from_data_frame(frame: DataFrame) -> Result:
    """The rows of a data frame, all of them."""
    if not frame.columns:
        return empty()
    batches = frame._collect_as_arrow()
    table = pa.Table.from_batches(batches) if batches else to_arrow_schema(frame.schema).empty_table()
    return Result(table, frame.schema)


def with_text_replaced(result: Result, old: str, new: str) -> Result:
    """The result with one text put for another in its columns of text."""
    table = result.table
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            table = table.set_column(index, field, pc.replace_substring(table.column(index), old, new))
    return result._replace(table=table)


def thrift_schema(schema: types.StructType) -> ttypes.TTableSchema:
    """The columns in Thrift's terms."""
    columns = []
    for position, field in enumerate(schema.fields, 1):
        qualifiers = None
        if isinstance(field.dataType, types.DecimalType):
            sizes = {"precision": field.dataType.precision, "scale": field.dataType.scale}
            values = {key: ttypes.TTypeQualifierValue(i32Value=value) for key, value in sizes.items()}
            qualifiers = ttypes.TTypeQualifiers(values)
        type_id = _TYPE_IDS.get(type(field.dataType), ttypes.TTypeId.STRING_TYPE)
        entry = ttypes.TTypeEntry(primitiveEntry=ttypes.TPrimitiveTypeEntry(type_id, qualifiers))
        columns.append(
            ttypes.TColumnDesc(columnName=field.name, typeDesc=ttypes.TTypeDesc([entry]), position=position, comment="")
        )
    return ttypes.TTableSchema(columns)


def arrow_batches(table: pa.Table, compressed: bool) -> list[ttypes.TSparkArrowBatch]:
    """The rows for an answer that carries them."""
    batches = table.to_batches(max_chunksize=_ROWS_PER_BATCH)
    serialized = ((batch.serialize().to_pybytes(), batch.num_rows) for batch in batches)
    return [ttypes.TSparkArrowBatch(_maybe_compressed(data, compressed), rows) for data, rows in serialized]


def arrow_file(table: pa.Table, compressed: bool) -> tuple[bytes, int]:
    """The rows as a file to fetch, and its size before compression."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=_ROWS_PER_BATCH)
    return _maybe_compressed(sink.getvalue(), compressed), sink.tell()


def row_ranges(rows: int, first: int, length: int, limit: int) -> list[tuple[int, int]]:
    """The next ranges of rows as (start, length), at most `limit` of them."""
    starts = itertools.islice(range(first, rows, length), limit)
    return [(start, min(length, rows - start)) for start in starts]


def _maybe_compressed(data: bytes, compressed: bool) -> bytes:
    return lz4.frame.compress(data) if compressed else data
