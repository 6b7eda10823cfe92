"""Spark on this machine, with decimals, as one writes it in a notebook."""

from __future__ import annotations

import sys
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

inputs, output = map(Path, sys.argv[1:])
spark = (
    SparkSession.builder.master("local[*]")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.memory", "4g")
    .config("spark.sql.shuffle.partitions", "8")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")


def read(name: str) -> DataFrame:
    """Every value as trimmed text."""
    frame = spark.read.csv(str(inputs / name), header=True, quote='"', escape='"')
    return frame.select(*(f.trim(column).alias(column) for column in frame.columns))


number = f.regexp_replace("Balance", "[$,]", "")
is_number = number.rlike(r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$")
customers = read("Customer.csv").where(f.col("CustomerID").rlike("^[0-9]+$"))
customers = customers.select(
    f.col("CustomerID").cast("bigint").alias("customer_id"), (f.lower("HasLoan") == "yes").alias("has_loan")
).dropDuplicates(["customer_id"])
accounts = (
    read("accounts.csv")
    .where((f.lower("AccountType") == "savings") & is_number & f.col("CustomerID").rlike("^[0-9]+$"))
    .select(
        f.col("CustomerID").cast("bigint").alias("customer_id"),
        f.col("AccountID").alias("account_id"),
        number.try_cast("decimal(18,2)").alias("original_balance"),
    )
    .where((f.col("original_balance") >= 0) & f.col("account_id").isNotNull())
    .dropDuplicates(["account_id"])
)
balance = f.col("original_balance")
base = f.when(balance < 10_000, f.lit("0.0100")).when(balance < 20_000, f.lit("0.0150")).otherwise(f.lit("0.0200"))
bonus = f.when(f.col("has_loan"), f.lit("0.0050")).otherwise(f.lit("0.0000"))
rate = (base.cast("decimal(5,4)") + bonus.cast("decimal(5,4)")).cast("decimal(5,4)")
summary = (
    accounts.join(customers, "customer_id")
    .withColumn("interest_rate", rate)
    .withColumn("annual_interest", f.round(balance * f.col("interest_rate"), 2).cast("decimal(18,2)"))
    .withColumn("new_balance", (balance + f.col("annual_interest")).cast("decimal(18,2)"))
    .orderBy("account_id")
    .cache()
)
summary.write.csv(str(output / "account_summary.csv"), header=True)
summary.write.parquet(str(output / "account_summary.parquet"))
spark.stop()
