"""A SQL warehouse on the loopback interface, spoken to by the unmodified connector.

It is built from the connector's own generated Thrift classes, so its fields follow the version under test.
Statements are run by an engine, and a script of faults says what goes wrong.
"""
# The generated classes have no types.
# mypy: disallow-untyped-calls=False

import base64
import json
import ssl
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from types import TracebackType
from typing import Any, Self, cast

import lz4.frame
import pyarrow as pa
from databricks.sql.thrift_api.TCLIService import TCLIService
from databricks.sql.thrift_api.TCLIService import ttypes as t
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from costpulse_assets.errors import SourceError
from costpulse_assets.resources.source import Parameter
from costpulse_assets.settings import Connection
from tests.wire.engine import Engine
from tests.wire.faults import Fault, Script

_OK = t.TStatus(statusCode=t.TStatusCode.SUCCESS_STATUS)
_POLL_SECONDS = 0.05


class WireServer:
    """`with WireServer(engine, token="t", script=[...]) as server:` gives a warehouse that lives as long.

    Args:
        engine: runs the statements.
        token: the bearer token that is accepted.
        script: what goes wrong, see faults.py.
        certificate: PEM files (chain, key) for HTTPS; plain HTTP without.
        links: results by links to files (cloud fetch) where the client allows it.
        direct: results inside the reply to ExecuteStatement; otherwise the client polls for the state.
        client: (id, secret) of the service principal accepted by the token endpoint.
        issued: the tokens that the endpoint gives, one per sign-in, each of them replacing `token`.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        token: str = "t",
        script: Iterable[Fault] = (),
        certificate: tuple[str, str] | None = None,
        links: bool = False,
        direct: bool = True,
        client: tuple[str, str] | None = None,
        issued: Iterable[str] = (),
    ) -> None:
        self.engine = engine
        self.token = token
        self.script = Script(script)
        self.links = links
        self.direct = direct
        self.client = client
        self.issued = iter(issued)
        #: Call names in order of arrival, calls that failed included.
        self.calls: list[str] = []
        #: ExecuteStatement requests as they came.
        self.statements: list[t.TExecuteStatementReq] = []
        #: OpenSession requests as they came.
        self.opened: list[t.TOpenSessionReq] = []
        #: (method, path, headers) of every HTTP request.
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.sessions: set[bytes] = set()
        self.operations: dict[bytes, _Operation] = {}
        self.files: dict[str, bytes] = {}
        self.stopping = threading.Event()
        self.sockets: set[socket] = set()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._http.daemon_threads = True
        cast("Any", self._http).warehouse = self
        self._secure = certificate is not None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def uri(self) -> str:
        """The whole address; with plain HTTP the adapter needs it, as host and port would mean HTTPS."""
        return f"{'https' if self._secure else 'http'}://127.0.0.1:{self.port}/sql/1.0/warehouses/wire"

    @property
    def connection(self) -> Connection:
        """The settings of a user of this warehouse, with the accepted token."""
        return Connection(
            name="wire",
            host="localhost",
            port=self.port,
            http_path="/sql/1.0/warehouses/wire",
            token=cast("Any", self.token),
        )

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        # Threads that wait for the next request of an idle client would keep the engine until the process ends.
        for connection in list(self.sockets):
            with suppress(OSError):
                connection.shutdown(SHUT_RDWR)
        self.operations.clear()


class _Operation:
    """A statement's result while it is read: holds one engine batch, never the whole result."""

    def __init__(self, reader: pa.RecordBatchReader, *, lz4: bool, links: bool) -> None:
        self.schema = reader.schema
        self.lz4 = lz4
        self.links = links
        self.offset = 0
        self.lock = threading.Lock()
        self._reader = reader
        self._rest: pa.RecordBatch | None = None

    def take(self, rows: int) -> list[pa.RecordBatch]:
        """Up to this many rows."""
        batches = []
        while rows > 0 and (batch := self._next()) is not None:
            batches.append(batch.slice(0, rows))
            self._rest = batch.slice(rows) if batch.num_rows > rows else None
            rows -= batches[-1].num_rows
            self.offset += batches[-1].num_rows
        return batches

    @property
    def has_more(self) -> bool:
        return self._next() is not None

    def _next(self) -> pa.RecordBatch | None:
        while self._rest is None or self._rest.num_rows == 0:
            try:
                self._rest = self._reader.read_next_batch()
            except StopIteration:
                return None
        return self._rest


class _Calls:
    """The protocol's calls, for one request and its fault."""

    def __init__(self, server: WireServer, fault: Fault | None) -> None:
        self._server = server
        self._fault = fault

    def OpenSession(self, request: t.TOpenSessionReq) -> t.TOpenSessionResp:
        self._server.opened.append(request)
        guid = uuid.uuid4().bytes
        self._server.sessions.add(guid)
        return t.TOpenSessionResp(
            status=self._refusal() or _OK,
            serverProtocolVersion=t.TProtocolVersion.SPARK_CLI_SERVICE_PROTOCOL_V8,
            sessionHandle=t.TSessionHandle(t.THandleIdentifier(guid=guid, secret=bytes(16))),
            canUseMultipleCatalogs=True,
            configuration={},
        )

    def CloseSession(self, request: t.TCloseSessionReq) -> t.TCloseSessionResp:
        if request.sessionHandle.sessionId.guid not in self._server.sessions:
            return t.TCloseSessionResp(status=_invalid("SessionHandle"))
        self._server.sessions.discard(request.sessionHandle.sessionId.guid)
        return t.TCloseSessionResp(status=_OK)

    def ExecuteStatement(self, request: t.TExecuteStatementReq) -> t.TExecuteStatementResp:
        if request.sessionHandle.sessionId.guid not in self._server.sessions:
            return t.TExecuteStatementResp(status=_invalid("SessionHandle"))
        self._server.statements.append(request)
        guid = uuid.uuid4().bytes
        handle = t.TOperationHandle(
            operationId=t.THandleIdentifier(guid=guid, secret=bytes(16)),
            operationType=t.TOperationType.EXECUTE_STATEMENT,
            hasResultSet=True,
        )
        answer = t.TExecuteStatementResp(status=_OK, operationHandle=handle)
        try:
            if self._is("message"):
                raise SourceError(cast("Fault", self._fault).text, next_step="none")
            parameters = {parameter.name: _value(parameter) for parameter in request.parameters or []}
            operation = _Operation(
                self._server.engine.fetch(request.statement, parameters),
                lz4=bool(request.canDecompressLZ4Result),
                links=self._server.links and bool(request.canDownloadResult),
            )
        except SourceError as error:
            answer.directResults = t.TSparkDirectResults(
                operationStatus=t.TGetOperationStatusResp(
                    status=_OK,
                    operationState=t.TOperationState.ERROR_STATE,
                    sqlState="42000",
                    errorMessage=error.message,
                    displayMessage=error.message,
                    diagnosticInfo="org.apache.spark.sql.AnalysisException",
                )
            )
            return answer
        self._server.operations[guid] = operation
        if not self._server.direct:
            return answer
        page = self._page(operation, request.getDirectResults.maxRows)
        answer.directResults = t.TSparkDirectResults(
            operationStatus=t.TGetOperationStatusResp(status=_OK, operationState=self._state()),
            resultSetMetadata=_metadata(operation),
            resultSet=page,
        )
        if not page.hasMoreRows:
            answer.directResults.closeOperation = t.TCloseOperationResp(status=_OK)
            del self._server.operations[guid]
        return answer

    def GetOperationStatus(self, request: t.TGetOperationStatusReq) -> t.TGetOperationStatusResp:
        self._server.stopping.wait(_POLL_SECONDS)
        if request.operationHandle.operationId.guid not in self._server.operations:
            return t.TGetOperationStatusResp(status=_invalid("OperationHandle"))
        return t.TGetOperationStatusResp(status=_OK, operationState=self._state())

    def GetResultSetMetadata(self, request: t.TGetResultSetMetadataReq) -> t.TGetResultSetMetadataResp:
        operation = self._server.operations.get(request.operationHandle.operationId.guid)
        if operation is None:
            return t.TGetResultSetMetadataResp(status=_invalid("OperationHandle"))
        return _metadata(operation)

    def FetchResults(self, request: t.TFetchResultsReq) -> t.TFetchResultsResp:
        operation = self._server.operations.get(request.operationHandle.operationId.guid)
        if operation is None:
            return t.TFetchResultsResp(status=_invalid("OperationHandle"))
        return self._page(operation, request.maxRows)

    def CancelOperation(self, request: t.TCancelOperationReq) -> t.TCancelOperationResp:
        self._server.operations.pop(request.operationHandle.operationId.guid, None)
        return t.TCancelOperationResp(status=_OK)

    def CloseOperation(self, request: t.TCloseOperationReq) -> t.TCloseOperationResp:
        if self._server.operations.pop(request.operationHandle.operationId.guid, None) is None:
            return t.TCloseOperationResp(status=_invalid("OperationHandle"))
        return t.TCloseOperationResp(status=_OK)

    def _is(self, kind: str) -> bool:
        return self._fault is not None and self._fault.kind == kind

    def _state(self) -> int:
        name = cast("Fault", self._fault).text if self._is("state") else "FINISHED_STATE"
        return int(t.TOperationState._NAMES_TO_VALUES[name])

    def _refusal(self) -> t.TStatus | None:
        if self._fault is None or self._fault.kind != "message":
            return None
        return t.TStatus(
            statusCode=t.TStatusCode.ERROR_STATUS,
            sqlState=self._fault.headers["sql_state"],
            errorMessage=self._fault.text,
        )

    def _page(self, operation: _Operation, rows: int) -> t.TFetchResultsResp:
        with operation.lock:
            if self._is("empty_page"):
                return _answer(operation, t.TRowSet(operation.offset, rows=[], arrowBatches=[]), more=True)
            if self._is("skip_rows"):
                operation.take(rows)
            start = operation.offset
            results = t.TRowSet(startRowOffset=start, rows=[])
            if operation.links:
                results.resultLinks = list(self._links(operation, rows))
            else:
                results.arrowBatches = [
                    t.TSparkArrowBatch(_packed(batch.serialize(), operation.lz4), batch.num_rows)
                    for batch in operation.take(rows)
                ]
            return _answer(operation, results, more=operation.has_more and not self._is("early_end"))

    def _links(self, operation: _Operation, rows: int) -> Iterator[t.TSparkArrowResultLink]:
        """Two files per page, so that the client has something to put in order."""
        for count in (rows - rows // 2, rows // 2):
            start = operation.offset
            batches = operation.take(count)
            taken = sum(batch.num_rows for batch in batches)
            if taken == 0:
                continue
            sent = pa.Table.from_batches(batches, operation.schema)
            file_fault = self._server.script.take("File")
            if file_fault is not None and file_fault.kind == "short_file":
                sent = sent.slice(0, taken - 1)
            elif file_fault is not None and file_fault.kind == "long_file":
                sent = pa.concat_tables([sent, sent.slice(0, 1)])
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, operation.schema) as writer:
                writer.write_table(sent)
            plain = sink.getvalue()
            name = f"/files/{uuid.uuid4().hex}"
            self._server.files[name] = _packed(plain, operation.lz4)
            lifetime = -1 if self._is("expired_link") else 900
            yield t.TSparkArrowResultLink(
                fileLink=f"http://127.0.0.1:{self._server.port}{name}",
                expiryTime=int(time.time()) + lifetime,
                startRowOffset=start,
                rowCount=taken,
                bytesNum=plain.size,
                httpHeaders={},
            )


class _Handler(BaseHTTPRequestHandler):
    """HTTP around the calls: authorization, and the faults of the transport."""

    protocol_version = "HTTP/1.1"
    # Headers and body in one packet: otherwise every call loses 40 ms.
    disable_nagle_algorithm = True
    wbufsize = 1 << 20

    @property
    def _warehouse(self) -> WireServer:
        return cast("WireServer", cast("Any", self.server).warehouse)

    def setup(self) -> None:
        super().setup()
        self._warehouse.sockets.add(self.connection)

    def finish(self) -> None:
        self._warehouse.sockets.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the tests look at `calls` and `requests`."""

    def do_GET(self) -> None:
        self._warehouse.requests.append(("GET", self.path, dict(self.headers)))
        content = self._warehouse.files.get(self.path)
        fault = self._warehouse.script.take("Download")
        if content is None:
            self._send(404)
        elif not self._happens(fault):
            self._send(200, content, cut=fault is not None and fault.kind == "cut")

    def do_POST(self) -> None:
        warehouse = self._warehouse
        warehouse.requests.append(("POST", self.path, dict(self.headers)))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/oidc/v1/token":
            self._sign_in(body)
            return
        call = TBinaryProtocol(TMemoryBuffer(body)).readMessageBegin()[0]
        warehouse.calls.append(call)
        fault = warehouse.script.take(call)
        if self._happens(fault):
            return
        kind = fault.kind if fault is not None else None
        if fault is not None and kind == "rotate_token":
            warehouse.token = fault.text
        elif kind == "forget_session":
            warehouse.sessions.clear()
        elif kind == "forget_operation":
            warehouse.operations.clear()
        if self.headers["Authorization"] != f"Bearer {warehouse.token}":
            self._send(403, headers={"x-databricks-reason-phrase": "Invalid access token."})
            return
        out = TMemoryBuffer()
        processor = TCLIService.Processor(_Calls(warehouse, fault))
        processor.process(TBinaryProtocol(TMemoryBuffer(body)), TBinaryProtocol(out))
        if fault is not None and kind == "hang":
            warehouse.stopping.wait(fault.seconds)
        if kind == "drop_after":
            self._hang_up()
            return
        self._send(200, out.getvalue(), {"Content-Type": "application/x-thrift"}, cut=kind == "cut")

    def _happens(self, fault: Fault | None) -> bool:
        """Do the faults that come instead of an answer."""
        if fault is not None and fault.kind == "http":
            self._send(fault.code, fault.body, fault.headers)
            return True
        if fault is not None and fault.kind == "drop_before":
            self._hang_up()
            return True
        return False

    def _sign_in(self, body: bytes) -> None:
        self._warehouse.calls.append("SignIn")
        if self._happens(self._warehouse.script.take("SignIn")):
            return
        client = self._warehouse.client
        login = base64.b64encode(":".join(client).encode()).decode() if client is not None else None
        if self.headers["Authorization"] != f"Basic {login}" or b"grant_type=client_credentials" not in body:
            self._send(401, b'{"error":"invalid_client","error_description":"Client authentication failed"}')
            return
        self._warehouse.token = next(self._warehouse.issued)
        self._send(
            200,
            json.dumps({"access_token": self._warehouse.token, "token_type": "Bearer", "expires_in": 3600}).encode(),
            {"Content-Type": "application/json"},
        )

    def _send(self, code: int, body: bytes = b"", headers: dict[str, str] | None = None, *, cut: bool = False) -> None:
        try:
            self.send_response(code)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.wfile.flush()
        except ConnectionError:
            # The client has gone: it gave up waiting, which some tests want.
            self.close_connection = True
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(SHUT_RDWR)


def _answer(operation: _Operation, results: t.TRowSet, *, more: bool) -> t.TFetchResultsResp:
    return t.TFetchResultsResp(status=_OK, hasMoreRows=more, results=results, resultSetMetadata=_metadata(operation))


def _invalid(what: str) -> t.TStatus:
    return t.TStatus(statusCode=t.TStatusCode.INVALID_HANDLE_STATUS, errorMessage=f"Invalid {what}")


def _packed(content: Any, lz4_wanted: bool) -> bytes:
    plain = content.to_pybytes()
    return bytes(lz4.frame.compress(plain)) if lz4_wanted else plain


def _metadata(operation: _Operation) -> t.TGetResultSetMetadataResp:
    return t.TGetResultSetMetadataResp(
        status=_OK,
        schema=t.TTableSchema(
            [
                t.TColumnDesc(columnName=column.name, typeDesc=_type(column.type), position=position)
                for position, column in enumerate(operation.schema, start=1)
            ]
        ),
        resultFormat=t.TSparkRowSetType.URL_BASED_SET if operation.links else t.TSparkRowSetType.ARROW_BASED_SET,
        lz4Compressed=operation.lz4,
        arrowSchema=operation.schema.serialize().to_pybytes(),
        isStagingOperation=False,
    )


def _type(arrow: pa.DataType) -> t.TTypeDesc:
    kinds = (
        (pa.types.is_boolean, t.TTypeId.BOOLEAN_TYPE),
        (pa.types.is_int8, t.TTypeId.TINYINT_TYPE),
        (pa.types.is_int16, t.TTypeId.SMALLINT_TYPE),
        (pa.types.is_int32, t.TTypeId.INT_TYPE),
        (pa.types.is_int64, t.TTypeId.BIGINT_TYPE),
        (pa.types.is_float32, t.TTypeId.FLOAT_TYPE),
        (pa.types.is_float64, t.TTypeId.DOUBLE_TYPE),
        (pa.types.is_string, t.TTypeId.STRING_TYPE),
        (pa.types.is_timestamp, t.TTypeId.TIMESTAMP_TYPE),
        (pa.types.is_binary, t.TTypeId.BINARY_TYPE),
        (pa.types.is_list, t.TTypeId.ARRAY_TYPE),
        (pa.types.is_map, t.TTypeId.MAP_TYPE),
        (pa.types.is_struct, t.TTypeId.STRUCT_TYPE),
        (pa.types.is_decimal, t.TTypeId.DECIMAL_TYPE),
        (pa.types.is_date, t.TTypeId.DATE_TYPE),
        (pa.types.is_null, t.TTypeId.NULL_TYPE),
    )
    kind = next(kind for fits, kind in kinds if fits(arrow))
    entry = t.TPrimitiveTypeEntry(type=kind)
    if pa.types.is_decimal(arrow):
        entry.typeQualifiers = t.TTypeQualifiers(
            {
                "precision": t.TTypeQualifierValue(i32Value=arrow.precision),
                "scale": t.TTypeQualifierValue(i32Value=arrow.scale),
            }
        )
    return t.TTypeDesc([t.TTypeEntry(primitiveEntry=entry)])


def _value(parameter: t.TSparkParameter) -> Parameter:
    """The Python value of a bound parameter, from its type name and text on the wire."""
    if parameter.type == "VOID":
        return None
    text = parameter.value.stringValue
    if parameter.type == "TIMESTAMP":
        instant = datetime.fromisoformat(text)
        return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
    if parameter.type.startswith("DECIMAL"):
        return Decimal(text)
    match parameter.type:
        case "STRING":
            return str(text)
        case "INT" | "BIGINT":
            return int(text)
        case "BOOLEAN":
            return bool(text.lower() == "true")
        case "DATE":
            return date.fromisoformat(text)
    raise ValueError(f"parameter type {parameter.type} is not used")
