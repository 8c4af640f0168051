-- runs once, on an empty volume
CREATE DATABASE storefront;
