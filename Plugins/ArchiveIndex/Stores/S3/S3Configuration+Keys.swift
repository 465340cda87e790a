import TierKit

extension S3Configuration {
  enum Key {
    static let endpoint = "endpoint"
    static let region = "region"
    static let bucket = "bucket"
    static let prefix = "prefix"
    static let pathStyle = "path_style"
    static let accessKeyID = "access_key_id"
    static let secretAccessKey = "secret_access_key"
    static let sessionToken = "session_token"
    static let credentialsFile = "credentials_file"
    static let profile = "profile"
    static let authorityFile = "ca_file"
    static let verify = "tls_verify"
    static let connections = "max_connections"
    static let connectTimeout = "connect_timeout"
    static let requestTimeout = "request_timeout"
    static let retries = "retries"
    static let multipartThreshold = "multipart_threshold"
    static let partSize = "part_size"
  }

  static let keys: [ConfigurationKey] = [
    ConfigurationKey(
      Key.endpoint, .string, default: nil,
      "Address of the service, http:// or https://, host and port. Default: AWS in the given region."),
    ConfigurationKey(
      Key.region, .string, default: nil,
      "Region to sign for. Default: AWS_REGION, AWS_DEFAULT_REGION, then us-east-1."),
    ConfigurationKey(
      Key.bucket, .string, default: nil, required: true, "Bucket that holds the objects; it must exist."),
    ConfigurationKey(Key.prefix, .string, default: nil, "What all keys in the bucket begin with; a slash is added. "
      + "Uploads and probes below it that a crash left are removed: it must be this archive's own."),
    ConfigurationKey(
      Key.pathStyle, .choice(["auto", "true", "false"]), default: "auto",
      "Whether the bucket stands in the path of a URL; auto: yes with an endpoint of your own, no on AWS."),
    ConfigurationKey(
      Key.accessKeyID, .string, default: nil,
      "Access key; comes before all other sources, which are credentials_file, the environment (AWS_ACCESS_KEY_ID, "
        + "AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN, "
        + "AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials, the container's role and "
        + "the instance's role (IMDSv2), in "
        + "this order."),
    ConfigurationKey(Key.secretAccessKey, .string, default: nil, "Its secret; better kept in credentials_file."),
    ConfigurationKey(Key.sessionToken, .string, default: nil, "Session token of temporary credentials."),
    ConfigurationKey(
      Key.credentialsFile, .string, default: nil,
      "File in AWS's format with aws_access_key_id, aws_secret_access_key and "
        + "aws_session_token; read again every minute."
    ),
    ConfigurationKey(
      Key.profile, .string, default: nil, "Section of a credentials file. Default: AWS_PROFILE, default."),
    ConfigurationKey(
      Key.authorityFile, .string, default: nil, "PEM file of the authorities to trust instead of the system's."),
    ConfigurationKey(Key.verify, .bool, default: "true", "Whether the service's certificate must be valid."),
    ConfigurationKey(
      Key.connections, .integer(1...256), default: "16", "Requests on their way at once; the others wait."),
    ConfigurationKey(
      Key.connectTimeout, .duration(10...600_000), default: "5s", "How long one connection attempt may take."),
    ConfigurationKey(Key.requestTimeout, .duration(10...3_600_000), default: "30s", "How long one request may take."),
    ConfigurationKey(
      Key.retries, .integer(0...100), default: "8",
      "How often a failed request is sent again, with growing random pauses, within the deadline of its call."),
    ConfigurationKey(
      Key.multipartThreshold, .size((5 << 20)...(5 << 30)), default: "64MiB",
      "Size from which on an object is uploaded in parts."),
    ConfigurationKey(
      Key.partSize, .size((5 << 20)...(1 << 30)), default: "16MiB",
      "Size of a part; raised for objects that would have more than 10,000."),
  ]
}
